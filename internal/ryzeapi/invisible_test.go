package ryzeapi

import (
	"strings"
	"testing"
	"unicode"
)

func TestInvisibleCharacters(t *testing.T) {
	t.Parallel()
	const cause = ", which is invisible; it usually comes from a file or from copied text"
	for text, want := range map[string]string{
		"":                  "",
		"plain text 1":      "",
		"é, ü, 名前, 🙂":       "",
		"\ufeffhunter2":     "contains a byte order mark (U+FEFF) at the beginning",
		"hunter2\u200b":     "contains a zero-width space (U+200B) at the end",
		"hunt\u00a0er2":     "contains a no-break space (U+00A0) after character 4",
		"éé\u00adr":         "contains a soft hyphen (U+00AD) after character 2",
		"a\u200eb":          "contains a direction mark (U+200E) after character 1",
		"a\u202eb":          "contains a direction mark (U+202E) after character 1",
		"a\u061cb":          "contains a direction mark (U+061C) after character 1",
		"a\u2066b":          "contains a direction mark (U+2066) after character 1",
		"a\u2060b":          "contains a word joiner (U+2060) after character 1",
		"a\u2028b":          "contains a line or paragraph separator (U+2028) after character 1",
		"a\u2003b":          "contains a space that is not the plain one (U+2003) after character 1",
		"a\u3000":           "contains a space that is not the plain one (U+3000) at the end",
		"a\u202fb":          "contains a no-break space (U+202F) after character 1",
		"a\u3164b":          "contains an invisible character (U+3164) after character 1",
		"a\u034fb":          "contains an invisible character (U+034F) after character 1",
		"a\u2800b":          "contains an invisible character (U+2800) after character 1",
		"a\U000e0041b":      "contains an invisible character (U+E0041) after character 1",
		"\u200b":            "contains a zero-width space (U+200B) at the beginning",
		"\u0600 is visible": "",
		"❤\ufe0f":           "contains a variation selector (U+FE0F) at the end",
		"👩\u200d💻":          "contains a zero-width joiner (U+200D) after character 1",
	} {
		if want != "" {
			want += cause
		}
		if got := errorText(checkVisible(text, false)); got != want || strings.Contains(got, "hunt") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, allowed := range map[string]bool{
		"👩\u200d💻": true, "❤\ufe0f": true, "नमस्\u200cते": true,
		"❤\ufe0f\u200d🔥": true, "1\ufe0f\u20e3": true, "ℹ\ufe0f": true, "می\u200cخواهم": true, "葛\U000e0100": true,
		"sa\u200dles": false, "sa\u200cles": false, "sa\ufe0fles": false, "é\u200da": false, "ж\u200dж": false,
		"1\u200d1": false, "1\ufe0f": false, "a-\u200db": false,
		"👩\u200d\u200d💻": false, "❤\ufe0f\ufe0f": false, "👩\u200d\ufe0f💻": false,
		"\u200da": false, "a\u200d": false, "\ufe0fa": false, "a\u200bb": false, "a\u00adb": false,
	} {
		if err := checkVisible(text, true); (err == nil) != allowed {
			t.Errorf("a name %q: %v", text, err)
		}
	}
}

// What has a name is invisible.
func TestNamesOfInvisibleCharacters(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if invisibleName(r) != "an invisible character" && !isInvisible(r) {
			t.Errorf("U+%04X has a name, and is visible", r)
		}
	}
}
