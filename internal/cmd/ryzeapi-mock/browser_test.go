package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium that is driven by ChromeDriver (the WebDriver protocol of the W3C).
type browser struct {
	t       *testing.T
	session string // URL of the session
}

func newBrowser(t *testing.T, driver string) *browser {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), driver, fmt.Sprintf("--port=%d", port)) // it ends by the cleanup
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	b := &browser{t, fmt.Sprintf("http://127.0.0.1:%d/session", port)}
	for range 100 {
		if connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = connection.Close()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	var started struct {
		SessionID string `json:"sessionId"`
	}
	b.send(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"goog:chromeOptions": map[string]any{"args": []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + t.TempDir(), "--window-size=1100,600",
	}}}}}, &started)
	b.session += "/" + started.SessionID
	t.Cleanup(func() { b.send(http.MethodDelete, "", nil, nil) })
	return b
}

// send sends one command and decodes its value.
func (b *browser) send(method, path string, body, value any) {
	b.t.Helper()
	var encoded []byte // a command without parameters has no body
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(context.WithoutCancel(b.t.Context()), method, b.session+path, bytes.NewReader(encoded))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s, %v, %s", method, path, response.Status, err, answer.Value)
	}
	if value != nil {
		if err := json.Unmarshal(answer.Value, value); err != nil {
			b.t.Fatal(err)
		}
	}
}

// text waits until the text that is seen on the page has all that is wanted, and returns it.
func (b *browser) text(want ...string) string {
	b.t.Helper()
	var text string
	for range 100 {
		b.send(http.MethodPost, "/execute/sync", map[string]any{"script": "return document.body.innerText", "args": []string{}}, &text)
		missing := false
		for _, part := range want {
			missing = missing || !strings.Contains(text, part)
		}
		if !missing {
			return text
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Errorf("the page does not show all of %q:\n%s", want, text)
	return text
}

// The page shows in a browser what was there when it was opened, and what comes in while it is open. A screenshot goes to PAGE_SCREENSHOT, where that is set.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("there is no chromedriver on PATH")
	}
	r := start(t, options{instances: []string{"shop-1", "support"}, rateLimit: 3})
	r.call(t, "POST", "/api/instance/s3/shop-1", save)
	b := newBrowser(t, driver)
	b.send(http.MethodPost, "/url", map[string]any{"url": r.url + "/"}, nil)
	b.text("2 instances, 1 requests so far", "media", "support\tnot enabled", "save shop-1, bucket media")

	r.call(t, "POST", "/api/instance/s3/support", strings.Replace(save, `"media"`, `"came-in-later"`, 1))
	b.text("support\tenabled\tcame-in-later\tus-east-1\ta/\tAKIA", "2 instances, 2 requests so far")
	r.call(t, "POST", "/api/instance/s3/shop-1", disable)
	r.call(t, "GET", "/api/instance/list", "")
	text := b.text("shop-1\tnot enabled", "disable shop-1", "429 Too Many Requests")
	if strings.Contains(text, "c4nary") || strings.Contains(text, accountToken) {
		t.Errorf("a secret is shown:\n%s", text)
	}
	var encoded string
	b.send(http.MethodGet, "/screenshot", nil, &encoded)
	picture, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || shown.Width < 1000 {
		t.Errorf("%+v, %v", shown, err)
	}
	if file := os.Getenv("PAGE_SCREENSHOT"); file != "" {
		if err := os.WriteFile(file, picture, 0o600); err != nil {
			t.Error(err)
		}
	}
}
