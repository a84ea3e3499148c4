package ryzeapi

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// checkVisible returns an error that names the first invisible character of a text and its position, without the text.
// Such a character gets there from a file, a pipeline or a copied text, and makes another name or key of what looks the
// same. allowJoiners is for names: emoji and several scripts need joiners and variation selectors between characters.
func checkVisible(text string, allowJoiners bool) error {
	position := 0
	for at, r := range text {
		isInner := at > 0 && at+utf8.RuneLen(r) < len(text)
		joins := isJoiner(r) && isInner || unicode.Is(unicode.Variation_Selector, r) && at > 0
		if isInvisible(r) && (!joins || !allowJoiners) {
			return fmt.Errorf("contains %s (U+%04X) %s, which is invisible; it usually comes from a file or from copied text",
				invisibleName(r), r, where(at, position, isInner))
		}
		position++
	}
	return nil
}

func where(at, position int, isInner bool) string {
	switch {
	case at == 0:
		return "at the beginning"
	case !isInner:
		return "at the end"
	default:
		return fmt.Sprintf("after character %d", position)
	}
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

func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

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
