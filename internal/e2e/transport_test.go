package e2e

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// serveTLS serves a mock with a certificate for 127.0.0.1 and example.com that no machine trusts, and writes that to
// a file.
func serveTLS(t *testing.T) (mock *mockapi.Server, server *httptest.Server, certificate string) {
	t.Helper()
	mock = mockapi.New(mockapi.Options{})
	server = httptest.NewUnstartedServer(mock)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would complain of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(certificate, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return mock, server, certificate
}

func TestPrivateCertificateAuthority(t *testing.T) {
	t.Parallel()
	mock, server, certificate := serveTLS(t)
	f := newFixtureAt(t, mock, server.URL, "i0")
	f.write(fleet("i", 1))
	if r := f.run([]string{"TF_VAR_secret=one"}, "apply", "-auto-approve"); r.exit == 0 ||
		!strings.Contains(r.words(), `its certificate with "ca_cert_file" or "ca_cert_pem"`) {
		t.Errorf("without the certificate: exit code %d\n%s", r.exit, r.out)
	}
	f.holds([]string{"i0"}, "")
	for _, c := range []struct{ argument, secret string }{
		{`ca_cert_file = "` + filepath.ToSlash(certificate) + `"`, "one"},
		{`ca_cert_pem = file("` + filepath.ToSlash(certificate) + `")`, "two"},
	} {
		f.write(fleet("i", 1, c.argument))
		f.must([]string{"TF_VAR_secret=" + c.secret}, "apply", "-auto-approve")
		f.holds([]string{"i0"}, c.secret)
	}
}

// The proxy of the environment tunnels to the endpoint, and sees neither token nor secret.
func TestProxy(t *testing.T) {
	t.Parallel()
	mock, server, certificate := serveTLS(t)
	var mu sync.Mutex
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.Host)
		mu.Unlock()
		if r.Header.Get("Token") != "" {
			t.Error("the proxy was sent the token")
		}
		tunnel(t, w, server.Listener.Addr().String())
	}))
	defer proxy.Close()
	f := newFixtureAt(t, mock, "https://example.com", "i0") // which the proxy alone resolves
	f.write(fleet("i", 1, `ca_cert_file = "`+filepath.ToSlash(certificate)+`"`))
	f.must(
		[]string{"TF_VAR_secret=one", "HTTPS_PROXY=" + proxy.URL, "https_proxy=" + proxy.URL},
		"apply",
		"-auto-approve",
	)
	f.holds([]string{"i0"}, "one")
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 || seen[0] != "CONNECT example.com:443" || seen[1] != seen[0] { // by the plan and by the apply
		t.Errorf("the proxy was asked for %q", seen)
	}
}

// tunnel connects a client of a proxy with an address, and returns when either has had enough.
func tunnel(t *testing.T, w http.ResponseWriter, address string) {
	t.Helper()
	server, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer server.Close() //nolint:errcheck // a test
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close() //nolint:errcheck // a test
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(server, buffered); ended <- struct{}{} }()
	go func() { _, _ = io.Copy(client, server); ended <- struct{}{} }()
	<-ended
}
