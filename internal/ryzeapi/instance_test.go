package ryzeapi_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

const (
	listRequest   = "GET instance/list"
	createRequest = `POST instance/new {"name":"new"}`
)

// A create asks for the name first, and sends one request, whatever happens to that. If it may have taken effect, the
// list tells.
func TestCreateInstance(t *testing.T) {
	t.Parallel()
	const (
		created = "created"
		exists  = "exists"  // the error says so
		failed  = "failed"  // nothing was created
		unknown = "unknown" // the error says that it may have been created
		listed3 = "\n" + listRequest + "\n" + listRequest + "\n" + listRequest
		once    = listRequest + "\n" + createRequest
		found   = once + "\n" + listRequest
		lost    = once + listed3
		again   = once + "\n" + createRequest
	)
	for name, c := range map[string]struct {
		how       mockapi.Creation
		instance  string // "new" unless set
		fault     mockapi.Fault
		listFault mockapi.Fault // of lists after the create
		outcome   string
		requests  string
		exists    bool // afterwards
	}{
		"200":                     {outcome: created, requests: once, exists: true},
		"201":                     {how: mockapi.Creation{Status: 201}, outcome: created, requests: once, exists: true},
		"answer without instance": {how: mockapi.Creation{BareAnswer: true}, outcome: created, requests: found, exists: true},
		"name that exists":        {instance: "shop", outcome: exists, requests: listRequest, exists: true},
		"quota":                   {how: mockapi.Creation{Quota: 2}, outcome: failed, requests: once},
		"dropped before":          {fault: mockapi.DropBefore(), outcome: failed, requests: lost},
		"dropped after":           {fault: mockapi.DropAfter(), outcome: created, requests: found, exists: true},
		"hangs before":            {fault: mockapi.HangBefore(), outcome: failed, requests: lost},
		"hangs after":             {fault: mockapi.HangAfter(), outcome: created, requests: found, exists: true},
		"cut off":                 {fault: mockapi.Truncate(), outcome: created, requests: found, exists: true},
		"500":                     {fault: mockapi.FailWith(500, "Database error"), outcome: failed, requests: lost},
		"500 after taking effect": {fault: failAfter(500), outcome: created, requests: found, exists: true},
		"502 page":                {fault: mockapi.HTMLPage(502), outcome: failed, requests: lost},
		"502 page after":          {fault: failAfter(502), outcome: created, requests: found, exists: true},
		"429":                     {fault: mockapi.SlowDown(1), outcome: created, requests: again, exists: true},
		"conflict":                {fault: mockapi.FailWith(409, "Name is taken"), outcome: exists, requests: once},
		"conflict as 400":         {fault: mockapi.FailWith(400, "Duplicate key"), outcome: exists, requests: once},
		"400":                     {fault: mockapi.FailWith(400, "Invalid name"), outcome: failed, requests: once},
		"401":                     {fault: mockapi.FailWith(401, "Invalid token"), outcome: failed, requests: once},
		"no list afterwards": {
			fault: mockapi.DropAfter(), listFault: mockapi.FailWith(403, "no"), outcome: unknown,
			requests: found, exists: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := changedBench(t, mockapi.Options{Creation: c.how}, func(c *ryzeapi.Config) { c.RequestTimeout = time.Second })
			instance := "new"
			if c.instance != "" {
				instance = c.instance
			}
			if c.fault != nil {
				b.mock.Inject(http.MethodPost, 1, c.fault)
			}
			if c.listFault != nil {
				b.mock.Inject(http.MethodGet, 1, mockapi.Delay(0)) // the list before
				b.mock.Inject(http.MethodGet, 1, c.listFault)
			}
			got, err := b.CreateInstance(t.Context(), instance)
			outcome := created
			switch {
			case ryzeapi.IsInstanceExisting(err):
				outcome = exists
			case ryzeapi.MayHaveTakenEffect(err):
				outcome = unknown
			case err != nil:
				outcome = failed
			}
			if outcome != c.outcome {
				t.Errorf("%s, not %s: %v", outcome, c.outcome, err)
			}
			if outcome == created && (got.Name != instance || got.ID != b.account.InstanceID(instance) ||
				got.Token().Reveal() != accountToken+"-new") {
				t.Errorf("%+v", got)
			}
			if asked := b.asked(0); asked != c.requests {
				t.Errorf("requests:\n%s\nnot\n%s", asked, c.requests)
			}
			if exists := b.account.InstanceID(instance) != ""; exists != c.exists {
				t.Errorf("exists: %t", exists)
			}
		})
	}
}

// failAfter processes the request, and answers with an error page.
func failAfter(status int) mockapi.Fault {
	return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
		handler.ServeHTTP(discard{}, r)
		mockapi.HTMLPage(status)(w, r, handler)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// What was known of an instance before it was deleted or created is not used afterwards.
func TestCreatedAndDeletedInstancesAreNotMistaken(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{ListWebsocket: mockapi.ListMissing})
	b.account.ChangeS3("shop", func(s *mockapi.Storage) {
		*s = mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "old", AccessKey: "AKIAEXAMPLE"}
	})
	b.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) { w.Enabled = true })
	find := func(name string, want bool) ryzeapi.Instance {
		t.Helper()
		found, ok, err := b.FindInstance(t.Context(), name)
		if err != nil || ok != want {
			t.Fatalf("%s: %t, %v", name, ok, err)
		}
		return found
	}
	before := find("shop", true)
	if storage, _, err := b.S3("shop").Refresh(t.Context()); err != nil || !storage.Enabled {
		t.Fatalf("%+v %v", storage, err)
	}
	if _, _, err := b.Websocket("shop").Refresh(t.Context()); err != nil { // it is remembered by itself
		t.Fatal(err)
	}
	if err := b.DeleteInstance(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	find("shop", false)
	if _, err := b.CreateInstance(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if after := find("shop", true); after.ID == before.ID {
		t.Error("it has the ID of the deleted instance")
	}
	storage, id, err := b.S3("shop").Refresh(t.Context())
	if err != nil || storage.Enabled || id != b.account.InstanceID("shop") {
		t.Errorf("%+v %s %v", storage, id, err)
	}
	if websocket, _, err := b.Websocket("shop").Refresh(t.Context()); err != nil || websocket.Enabled {
		t.Errorf("%+v %v", websocket, err)
	}
	want := strings.Join([]string{
		listRequest, "GET events/getWebsocket/shop", "DELETE instance/delete/shop", listRequest,
		`POST instance/new {"name":"shop"}`, listRequest,
	}, "\n")
	if asked := b.asked(0); !strings.HasPrefix(asked, want) {
		t.Errorf("requests:\n%s\nnot\n%s", asked, want)
	}
}

// If no list can be had after an instance was deleted, that is the error, and the older list is not believed.
func TestAFailedListIsNotReplacedByAnOlderOne(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{})
	if _, ok, err := b.FindInstance(t.Context(), "shop"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := b.DeleteInstance(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	b.mock.Inject(http.MethodGet, 3, mockapi.FailWith(503, "busy")) // all attempts
	_, _, err := b.FindInstance(t.Context(), "shop")
	if said, ok := errors.AsType[*ryzeapi.APIError](err); !ok || said.StatusCode != 503 {
		t.Error(err)
	}
	if _, ok, err := b.FindInstance(t.Context(), "other"); !ok || err != nil { // the older list is good for that
		t.Error(ok, err)
	}
}

// A delete is repeated until it is answered, with the account's token only.
func TestDeleteInstance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    mockapi.Fault
		instance string
		attempts int
		missing  bool
	}{
		"at once":           {nil, "shop", 1, false},
		"dropped before":    {mockapi.DropBefore(), "shop", 2, false},
		"dropped after":     {mockapi.DropAfter(), "shop", 2, true},
		"500":               {mockapi.FailWith(500, "Failed to delete instance: busy"), "shop", 2, false},
		"that is not there": {nil, "new", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOf(t, mockapi.Options{})
			if c.fault != nil {
				b.mock.Inject(http.MethodDelete, 1, c.fault)
			}
			err := b.DeleteInstance(t.Context(), c.instance)
			if ryzeapi.IsInstanceMissing(err) != c.missing || err != nil && !c.missing {
				t.Error(err)
			}
			if b.account.InstanceID(c.instance) != "" {
				t.Error("it exists")
			}
			if requests := b.mock.Requests(); len(requests) != c.attempts || requests[0].Header.Get("Token") != accountToken {
				t.Errorf("%+v", requests)
			}
		})
	}
}

// Where other requests continue with an instance's own token, a delete waits for the account's.
func TestDeleteWaitsForTheAccountsToken(t *testing.T) {
	t.Parallel()
	b := changedBench(t, mockapi.Options{RateLimit: 12, RateWindow: 2 * time.Second},
		func(c *ryzeapi.Config) { c.InstanceTokens = true })
	for range 12 {
		if _, err := b.Settings("other").Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.DeleteInstance(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.mock.Requests() {
		if r.Method == http.MethodDelete && r.Header.Get("Token") != accountToken {
			t.Error("a delete was sent with the instance's own token")
		}
	}
}

// A list with a TokenInstance has its own instance only, and so does not show that another one is gone.
func TestTokenInstanceDoesNotTellWhatIsGone(t *testing.T) {
	t.Parallel()
	b := changedBench(t, mockapi.Options{}, func(c *ryzeapi.Config) {
		c.Token = ryzeapi.NewSecret(accountToken + "-shop")
	})
	if _, ok, err := b.FindInstance(t.Context(), "shop"); !ok || err != nil {
		t.Error(ok, err)
	}
	if _, _, err := b.FindInstance(t.Context(), "other"); !errors.Is(err, ryzeapi.ErrOneInstance) {
		t.Error(err)
	}
}

// Creates have a limit of their own. While one waits for it, other requests go on.
func TestCreatesHaveTheirOwnLimit(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{RateLimit: 40, RateWindow: 3 * time.Second, Creation: mockapi.Creation{Limit: 5}})
	var all sync.WaitGroup
	for _, name := range strings.Fields("a b c d e f") {
		all.Go(func() {
			if _, err := b.CreateInstance(t.Context(), name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	time.Sleep(500 * time.Millisecond) // five are created, and the sixth waits
	for range 5 {
		if _, err := b.Settings("other").Get(t.Context()); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	creates, reads := 0, 0
	for _, r := range b.mock.Requests() {
		switch {
		case r.Status == http.StatusTooManyRequests:
			t.Errorf("%s %s exceeded a limit", r.Method, r.Path)
		case r.Method == http.MethodPost:
			if creates++; creates == 6 && reads < 5 {
				t.Errorf("%d of 5 reads went before the create that waited", reads)
			}
		case strings.Contains(r.Path, "getSettings"):
			reads++
		}
	}
	if creates != 6 || len(b.account.Instances()) != 8 {
		t.Errorf("%d creates of 6", creates)
	}
}
