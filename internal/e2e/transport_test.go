package e2e

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// serveTLS serves a mock with a certificate for 127.0.0.1 and example.com that no machine trusts. It writes the
// certificate to a file, and returns its path.
func serveTLS(t *testing.T) (mock *mockapi.Server, server *httptest.Server, certificate string) {
	t.Helper()
	mock = mockapi.New(mockapi.Options{})
	server = httptest.NewUnstartedServer(mock)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of failed handshakes
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
	config := fleet{number: 1}
	f := newFixtureAt(t, mock, server.URL, config.names()...)
	f.write(config.hcl())
	r := f.run([]string{"TF_VAR_secret=one"}, "apply", "-auto-approve")
	if r.exit == 0 || !strings.Contains(r.unwrapped(), `its certificate with "ca_cert_file" or "ca_cert_pem"`) {
		t.Errorf("without the certificate: exit code %d\n%s", r.exit, r.out)
	}
	f.checkSecret(config.names(), "")
	for _, c := range []struct {
		secret   string
		settings arguments
	}{
		{"one", arguments{"ca_cert_file": filepath.ToSlash(certificate)}},
		{"two", arguments{"ca_cert_pem": expr(fmt.Sprintf("file(%q)", filepath.ToSlash(certificate)))}},
	} {
		config.settings = c.settings
		f.write(config.hcl())
		f.mustRun([]string{"TF_VAR_secret=" + c.secret}, "apply", "-auto-approve")
		f.checkSecret(config.names(), c.secret)
	}
}

// A proxy from the environment tunnels to the endpoint, and sees neither the token nor the secret.
func TestProxy(t *testing.T) {
	t.Parallel()
	mock, server, certificate := serveTLS(t)
	var mu sync.Mutex
	var requests []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests = append(requests, r.Method+" "+r.Host)
		mu.Unlock()
		if r.Header.Get("Token") != "" {
			t.Error("the proxy has received the token")
		}
		tunnel(t, w, server.Listener.Addr().String())
	}))
	defer proxy.Close()
	config := fleet{number: 1, settings: arguments{"ca_cert_file": filepath.ToSlash(certificate)}}
	f := newFixtureAt(t, mock, "https://example.com", config.names()...) // only the proxy knows the way to the mock
	f.write(config.hcl())
	env := []string{"TF_VAR_secret=one", "HTTPS_PROXY=" + proxy.URL, "https_proxy=" + proxy.URL}
	f.mustRun(env, "apply", "-auto-approve")
	f.checkSecret(config.names(), "one")
	mu.Lock()
	defer mu.Unlock()
	const connect = "CONNECT example.com:443"
	if !slices.Equal(requests, []string{connect, connect}) { // for the plan and for the apply
		t.Errorf("requests to the proxy: %q", requests)
	}
}

// tunnel connects a client of a proxy to an address, and returns when either side closes its connection.
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
