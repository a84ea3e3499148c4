package ryzeapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	secret := NewSecret("hunter2")
	hidden := struct {
		inner Secret
		Outer Secret
	}{secret, secret}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&printed, verb+" "+verb+" "+verb+"\n", secret, &secret, hidden)
	}
	encoded, err := json.Marshal(map[string]any{"a": secret, "b": []Secret{secret}, "c": map[Secret]int{secret: 1}})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(encoded)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "secret", secret)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "secret", secret)
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2")} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("%s is in:\n%s", form, printed.String())
		}
	}
	if strings.Count(printed.String(), Redacted) < 20 {
		t.Errorf("too little was printed:\n%s", printed.String())
	}
	if secret.Reveal() != "hunter2" || (Secret{}).Reveal() != "" {
		t.Error("Reveal does not return the value")
	}
}
