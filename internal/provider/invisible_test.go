package provider

import (
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// A character that nobody sees is refused by name and position, before anything is sent, even if its value is known in
// the apply only. The message does not contain the value.
func TestAccInvisibleCharactersAreRefused(t *testing.T) {
	t.Parallel()
	const bom = "\ufeff"
	for name, c := range map[string]struct {
		change arguments
		secret string
		want   string
	}{
		"secret_key":    {nil, bom + "hunter2", `Invalid "secret_key".*a byte order mark \(U\+FEFF\) at the beginning`},
		"access_key":    {arguments{"access_key": "AKIA\u200b"}, "one", `Invalid "access_key".*zero-width space.*at the end`},
		"bucket":        {arguments{"bucket": "me\u00addia"}, "one", `Invalid "bucket".*a soft hyphen.*after character 2`},
		"region":        {arguments{"region": "us-east-1\u200e"}, "one", `Invalid "region".*a direction mark`},
		"path_prefix":   {arguments{"path_prefix": "a\u00a0b/"}, "one", `Invalid "path_prefix".*a no-break space`},
		"endpoint":      {arguments{"endpoint": bom + "https://s3.example"}, "one", `Invalid "endpoint".*a byte order mark`},
		"instance":      {arguments{"instance": bom + "shop"}, "one", `Invalid "instance".*a byte order mark`},
		"bucket, later": {arguments{"bucket": knownLater{"media\u200b"}}, "one", `Invalid "bucket".*a zero-width space`},
		"secret_key, later": {
			arguments{"secret_key": knownLater{bom + "hunter2"}}, "one", `Invalid "secret_key".*a byte order mark`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withCLI := name == "bucket, later" || name == "secret_key"
			play(t, withCLI, mockapi.Options{}, func(*fixture) []step {
				return []step{{config: aws.with(c.change), secret: c.secret, err: wrapped(c.want)}}
			})
		})
	}
}

// Emoji and several scripts need characters that are invisible by themselves.
func TestNamesMayHaveJoiners(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.AddInstance("👩\u200d💻")
		named := aws.with(arguments{"instance": "👩\u200d💻"})
		return []step{
			{also: map[string]arguments{"emoji": named}, secret: "one", planOnly: true},
			{config: aws.with(prefix("❤\ufe0f/")), secret: "one", sent: []string{awsBody("one", "❤\ufe0f/")}},
		}
	})
}
