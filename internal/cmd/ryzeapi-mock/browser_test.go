package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, driven by ChromeDriver with the W3C's WebDriver protocol.
type browser struct {
	t       *testing.T
	session string // URL of the session
}

func newBrowser(t *testing.T, driver string) *browser {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // finds a free port
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	// The session has to be closed before the driver ends, so the cleanup ends it and not the test's context.
	command := exec.CommandContext(context.WithoutCancel(t.Context()), driver, "--port="+port)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	b := &browser{t, "http://" + address + "/session"}
	for range 100 {
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	chromium := map[string]any{"args": []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
		"--disable-background-networking", "--disable-component-update", "--user-data-dir=" + t.TempDir(),
	}}
	var started struct {
		SessionID string `json:"sessionId"`
	}
	b.send(http.MethodPost, "", map[string]any{
		"capabilities": map[string]any{"alwaysMatch": map[string]any{"goog:chromeOptions": chromium}},
	}, &started)
	b.session += "/" + started.SessionID
	t.Cleanup(func() { b.send(http.MethodDelete, "", nil, nil) })
	return b
}

// send sends one command. If value is not nil, it decodes the command's value into it.
func (b *browser) send(method, path string, body, value any) {
	b.t.Helper()
	var encoded []byte // stays empty for a command without parameters
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			b.t.Fatal(err)
		}
	}
	ctx := context.WithoutCancel(b.t.Context())
	request, err := http.NewRequestWithContext(ctx, method, b.session+path, bytes.NewReader(encoded))
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // the body was read
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

// script runs the body of a JavaScript function on the page. If value is not nil, it decodes what the function returns.
func (b *browser) script(body string, value any) {
	b.t.Helper()
	b.send(http.MethodPost, "/execute/sync", map[string]any{"script": body, "args": []string{}}, value)
}

// devTools sends a command of the Chrome DevTools protocol.
func (b *browser) devTools(command string, parameters map[string]any, value any) {
	b.t.Helper()
	b.send(http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, value)
}

// resize makes the page as wide as the given number of CSS pixels.
func (b *browser) resize(width int) {
	b.t.Helper()
	b.devTools("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 640,
	}, nil)
}

// media sets a media feature to the value that the page's media queries see.
func (b *browser) media(feature, value string) {
	b.t.Helper()
	b.devTools("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": feature, "value": value}},
	}, nil)
}

// text waits until the visible text of the page has all the given parts, and returns it.
func (b *browser) text(parts ...string) string {
	b.t.Helper()
	var text string
	for range 100 {
		b.script("return document.body.innerText", &text)
		complete := true
		for _, part := range parts {
			complete = complete && strings.Contains(text, part)
		}
		if complete {
			return text
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Errorf("the page does not show all of %q:\n%s", parts, text)
	return text
}

// screenshot writes a picture of the whole page to a file in the folder PAGE_SCREENSHOTS, if that is set.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	folder := os.Getenv("PAGE_SCREENSHOTS")
	if folder == "" {
		return
	}
	var size struct{ Width, Height int }
	b.script("return { Width: innerWidth, Height: document.documentElement.scrollHeight }", &size)
	var taken struct {
		Data string `json:"data"`
	}
	b.devTools("Page.captureScreenshot", map[string]any{
		"captureBeyondViewport": true,
		"clip": map[string]any{
			"x": 0, "y": 0, "width": size.Width, "height": size.Height, "scale": 1,
		},
	}, &taken)
	picture, err := base64.StdEncoding.DecodeString(taken.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		b.t.Error(err)
	}
}

// layoutProblems returns what is wrong with the page's layout: a page that scrolls sideways, a cell (the box around a
// text) whose content sticks out or that is narrower than its longest word, or a word that stands on several lines. A
// word also ends at punctuation, where a long text may wrap.
const layoutProblems = `
	const problems = [], root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) problems.push("the page scrolls sideways");
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
	let words = 0;
	while (texts.nextNode()) {
		const text = texts.currentNode;
		let cell = text.parentElement;
		if (!cell.getClientRects().length) continue; // not visible
		while (getComputedStyle(cell).display === "inline") cell = cell.parentElement;
		const style = getComputedStyle(cell);
		const width = cell.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
		if (cell.scrollWidth > cell.clientWidth) problems.push("the cell of " + text.data + " is too narrow for it");
		for (const word of text.data.matchAll(/[^\s\/.:=_-]+/g)) {
			words++;
			range.setStart(text, word.index);
			range.setEnd(text, word.index + word[0].length);
			const lines = new Set(Array.from(range.getClientRects(), r => Math.round(r.top)));
			if (lines.size !== 1) problems.push(word[0] + " stands on " + lines.size + " lines");
			const needed = range.getBoundingClientRect().width;
			if (needed > width + 0.5) problems.push(word[0] + " needs " + needed + " pixels, its cell has " + width);
		}
	}
	if (words < 100) problems.push("only " + words + " words were measured");
	return problems;`

func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("there is no chromedriver on PATH")
	}
	const long = "whatsapp-marketing-campaigns-latin-america-2026"
	const noBreaks = "supercalifragilisticexpialidocioussupercalifragilisticexpialidoc"
	p := start(t, options{
		instances: []string{"shop-1", "support", long, noBreaks, "archive"}, rateLimit: 12, faults: 0.3, seed: 5,
	})
	b := newBrowser(t, driver)
	b.send(http.MethodPost, "/url", map[string]any{"url": p.url + "/"}, nil)
	b.text("Live", "No requests yet", "Account token: 12 of 12 left",
		"shop-1\nOwn token: 12 of 12 left\nS3 storage\nnot enabled")

	// These requests meet faults, or exceed the limit, and one of them is left hanging. The page must show each as the
	// terminal does.
	saveUntilOK := func(instance string, replacements ...string) {
		t.Helper()
		body := strings.NewReplacer(replacements...).Replace(save)
		for range 10 {
			if p.call(t, "POST", "/api/instance/s3/"+instance, body) == "200 OK" {
				return
			}
		}
		t.Fatalf("%s cannot be saved", instance)
	}
	saveUntilOK("shop-1")
	b.text("shop-1\nOwn token: 12 of 12 left\nS3 storage\nenabled\nBucket\nmedia",
		"Save S3 of shop-1: bucket media\n200 OK")
	const changed = `return getComputedStyle(document.querySelector("li.changed")).animationName`
	var animation string
	b.script(changed, &animation)
	if animation != "flash" {
		t.Errorf("the animation of a changed instance is %q", animation)
	}
	b.media("prefers-reduced-motion", "reduce")
	b.script(changed, &animation)
	if animation != "none" {
		t.Errorf("with prefers-reduced-motion, the animation of a changed instance is %q", animation)
	}
	saveUntilOK("support", `"endpoint":""`, `"endpoint":"https://minio.example.com"`, `"media"`, `"whatsapp"`)
	saveUntilOK(long, `"media"`, `"whatsapp-media-of-the-marketing-campaigns-in-latin-america-2026"`, `"a/"`,
		`"whatsapp/marketing/campaigns/latin-america/2026/production/media/"`, `"endpoint":""`,
		`"endpoint":"https://objects.storage.eu-central-1.example-cloud-provider.com:9443"`,
		"AKIA", "AKIAIOSFODNN7EXAMPLE")
	saveUntilOK(noBreaks, `"media"`, `"`+noBreaks+`"`)
	for range 6 {
		p.call(t, "GET", "/api/instance/list", "")
	}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() { p.callContext(ctx, t, "GET", fmt.Sprintf("/api/instance/getS3/nobody-%d", i), "") })
	}
	for i := range 8 {
		p.waitFor(t, fmt.Sprintf(" nobody-%d ", i))
	}
	p.waitFor(t, `nobody-\d +hanging`)
	p.waitFor(t, `429 Too Many Requests\n`)

	var shown []string
	for _, line := range regexp.MustCompile(`(?m)^(\d\d:\d\d:\d\d)  (.*?)  +(.*?)(?:  \((fault: .*)\))?$`).
		FindAllStringSubmatch(p.output(), -1) {
		if entry := strings.TrimSpace(strings.Join(line[1:], "\n")); !strings.Contains(entry, "hanging ...") {
			shown = append(shown, entry)
		}
	}
	if len(shown) < 15 || !strings.Contains(strings.Join(shown, "\n"), "\nfault: ") {
		t.Errorf("the requests do not suit this test:\n%s", p.output())
	}
	b.send(http.MethodPost, "/refresh", struct{}{}, nil) // what happened before the page was opened shows as well
	text := b.text(append(shown, "\nhanging ...\nfault: hanging ", "Account token: 0 of 12 left\nresets in ",
		"https://objects.storage.eu-central-1.example-cloud-provider.com:9443", "archive\nOwn token: 12 of 12 left")...)
	exports := "export RYZEAPI_ENDPOINT=" + p.url + "\nexport RYZEAPI_TOKEN=" + accountToken +
		"\nexport RYZEAPI_PREFLIGHT=off\n"
	if !strings.Contains(text, exports) {
		t.Errorf("the page does not show what to export:\n%s", text)
	}
	var source, copied string
	b.script("return document.documentElement.outerHTML", &source)
	if strings.Contains(source, "c4nary") || strings.Contains(source, accountToken+"-") {
		t.Errorf("a secret or the token of an instance is on the page:\n%s", source)
	}
	b.script(`navigator.clipboard.writeText = text => { window.copied = text; };
		document.querySelector("button").click();
		return window.copied`, &copied)
	if copied != exports {
		t.Errorf("the button copies %q", copied)
	}

	for _, width := range []int{1280, 700, 390} {
		b.resize(width)
		for _, scheme := range []string{"light", "dark"} {
			b.media("prefers-color-scheme", scheme)
			var problems []string
			b.script(layoutProblems, &problems)
			if len(problems) > 0 {
				t.Errorf("%d pixels wide, %s:\n%s", width, scheme, strings.Join(problems, "\n"))
			}
			b.screenshot(fmt.Sprintf("page-%d-%s", width, scheme))
		}
	}

	// When the client gives up, the entry of its request changes.
	giveUp()
	clients.Wait()
	b.text("\nno answer after ")
}
