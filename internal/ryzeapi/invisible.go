package ryzeapi

import (
	"fmt"
	"strings"
	"unicode"
)

// checkVisible returns an error that names the first invisible character of a text and its position, without the text.
// Such a character gets there from a file, a pipeline or a copied text, and makes another name or key of what looks the
// same. allowJoiners is for names: emoji and several scripts need joiners and variation selectors between characters.
func checkVisible(text string, allowJoiners bool) error {
	characters := []rune(text)
	before := rune(0)
	for at, r := range characters {
		after := rune(0)
		if at+1 < len(characters) {
			after = characters[at+1]
		}
		if isInvisible(r) && (!allowJoiners || !hasEffect(before, r, after)) {
			return fmt.Errorf("contains %s (U+%04X) %s, which is invisible; it usually comes from a file or from copied text",
				invisibleName(r), r, where(at, len(characters)))
		}
		before = r
	}
	return nil
}

// hasEffect reports whether an invisible character changes how its neighbours look, so that nobody takes the text for
// the same without it. Before or after the text, the neighbour is 0. The alphabets of Latin, Greek and Cyrillic join
// nothing.
func hasEffect(before, r, after rune) bool {
	isSelector := unicode.Is(unicode.Variation_Selector, r)
	isJoiner := (r == '\u200c' || r == '\u200d') && after != 0
	switch {
	case !isSelector && !isJoiner:
		return false
	case unicode.Is(unicode.Variation_Selector, before):
		return isJoiner
	case strings.ContainsRune("0123456789#*", before): // as in the emoji of a key
		return isSelector && after == '\u20e3'
	}
	return before > unicode.MaxASCII && !isInvisible(before) &&
		!unicode.In(before, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

func where(at, length int) string {
	switch at {
	case 0:
		return "at the beginning"
	case length - 1:
		return "at the end"
	}
	return fmt.Sprintf("after character %d", at)
}

// isInvisible reports whether a character has no glyph, or that of a space without being the plain one. Control
// characters are not among these (Unicode Standard, sections 4.5 and 5.21).
func isInvisible(r rune) bool {
	switch {
	case r == ' ', unicode.Is(unicode.Prepended_Concatenation_Mark, r): // of the category Cf, and visible
		return false
	case r == '\u2800': // a braille pattern without dots
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// invisibleName is what users call an invisible character, with its article.
func invisibleName(r rune) string {
	switch {
	case r == '\ufeff':
		return "a byte order mark"
	case r == '\u200b':
		return "a zero-width space"
	case r == '\u200c':
		return "a zero-width non-joiner"
	case r == '\u200d':
		return "a zero-width joiner"
	case r == '\u2060':
		return "a word joiner"
	case r == '\u00a0', r == '\u202f':
		return "a no-break space"
	case r == '\u00ad':
		return "a soft hyphen"
	case r == '\u2028', r == '\u2029':
		return "a line or paragraph separator"
	case unicode.Is(unicode.Bidi_Control, r):
		return "a direction mark"
	case unicode.Is(unicode.Variation_Selector, r):
		return "a variation selector"
	case unicode.Is(unicode.Zs, r):
		return "a space that is not the plain one"
	}
	return "an invisible character"
}
