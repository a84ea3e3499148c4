package provider

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const (
	instanceType = "ryzeapi_instance"
	createBody   = `{"name":"new"}`
	deleteNew    = "DELETE /api/instance/delete/new"
	deleted      = `^Instance "new" will be deleted, and its number logged out for good\n`
	protected    = `Instance "new" is protected from deletion\n`
)

var (
	newInstance         = arguments{"name": "new"}
	unprotectedInstance = arguments{"name": "new", "deletion_protection": false}
)

// An instance is created once, is read by the list, and is deleted only once that is allowed.
func TestInstanceLifecycle(t *testing.T) {
	t.Parallel()
	playAs(t, instanceType, true, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{
				config: newInstance, action: creates, sent: []string{createBody},
				state: map[string]any{"name": "new", "id": "2", "deletion_protection": true},
			},
			{config: newInstance, action: noop},
			{err: protected},
			{config: arguments{"name": "other"}, err: `(?s)` + protected + `.*RyzeAPI\s+cannot\s+rename\s+an\s+instance\.`},
			{
				config: unprotectedInstance, action: updates, changes: changes{"deletion_protection": {true, false}},
				state: map[string]any{"id": "2"},
			},
			{sent: []string{deleteNew}, warnings: []string{deleted}},
		}
	})
}

// Whatever RyzeAPI answers to a create, the instance is created once.
func TestInstanceIsCreatedWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]mockapi.Creation{
		"201": {Status: 201}, "without the instance": {BareAnswer: true}, "a limit": {Limit: 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, mockapi.Options{Creation: how}, func(*fixture) []step {
				return []step{
					{config: unprotectedInstance, action: creates, sent: []string{createBody}, state: map[string]any{"id": "2"}},
					{sent: []string{deleteNew}, warnings: []string{deleted}},
				}
			})
		})
	}
}

// A name that exists is never taken over, and never created again.
func TestExistingInstanceIsNotTakenOver(t *testing.T) {
	t.Parallel()
	shop := arguments{"name": "shop", "deletion_protection": false}
	for name, steps := range map[string]func(*fixture) []step{
		"at plan": func(*fixture) []step {
			return []step{{
				config: shop,
				err:    `(?s)^Instance "shop" exists already\n.*import \{\n    to = ryzeapi_instance\.NAME\n    id = "shop"\n`,
			}}
		},
		"created after the plan": func(f *fixture) []step {
			return []step{{
				before: func() { f.mock.Inject(http.MethodPost, 1, mockapi.FailWith(409, "Name is taken")) },
				config: newInstance, err: `^Instance "new" exists already\n`, sent: []string{createBody},
			}}
		},
		"twice in one plan": func(*fixture) []step {
			return []step{{
				config: newInstance, also: map[string]arguments{"twin": newInstance},
				err: `Two resources manage instance "new"`,
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, mockapi.Options{}, steps)
		})
	}
}

// Each failure of a create has its own words, and leaves nothing in the state.
func TestFailedCreatesOfInstances(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options mockapi.Options
		fault   mockapi.Fault
		err     string
	}{
		"TokenInstance": {
			fault: mockapi.FailWith(401, "Invalid token"), err: `RyzeAPI answers this to a token that it does not know`,
		},
		"quota": {
			options: mockapi.Options{Creation: mockapi.Creation{Quota: 1}}, err: `as many instances as it may have`,
		},
		"dropped before": {fault: mockapi.DropBefore(), err: `The instance was not created\.`},
		"name":           {fault: mockapi.FailWith(400, "Invalid name"), err: `400 Bad Request: Invalid name`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, c.options, func(f *fixture) []step {
				return []step{{
					before: func() {
						if c.fault != nil {
							f.mock.Inject(http.MethodPost, 1, c.fault)
						}
					},
					config: newInstance, err: c.err, sent: []string{createBody},
				}}
			})
		})
	}
}

// A create whose answer is lost has succeeded, if the list shows it. It is never sent twice.
func TestLostAnswerToACreate(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]mockapi.Fault{
		"dropped": mockapi.DropAfter(), "cut off": mockapi.Truncate(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step {
				return []step{
					{
						before: func() { f.mock.Inject(http.MethodPost, 1, fault) },
						config: unprotectedInstance, sent: []string{createBody}, state: map[string]any{"id": "2"},
					},
					{sent: []string{deleteNew}, warnings: []string{deleted}},
				}
			})
		})
	}
}

// If the list fails, too, the error says what may be, and the next apply does not create it twice.
func TestCreateWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{
				before: func() {
					f.mock.Inject(http.MethodPost, 1, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
						f.mock.Inject(http.MethodGet, 1, mockapi.FailWith(403, "no"))
						mockapi.DropAfter()(w, r, h)
					})
				},
				config: unprotectedInstance, sent: []string{createBody},
				err: `(?s)RyzeAPI may have created the instance.*It does not send a create twice.*import \{`,
			},
			{config: unprotectedInstance, err: `^Instance "new" exists already\n`},
			{importID: "new", config: unprotectedInstance},
			{config: unprotectedInstance, changes: changes{"deletion_protection": {true, false}}},
			{sent: []string{deleteNew}, warnings: []string{deleted}},
		}
	})
}

// An instance that is replaced is deleted, which needs to be allowed, however the replacement came about.
func TestReplacedInstance(t *testing.T) {
	t.Parallel()
	newer := arguments{"name": "newer", "deletion_protection": false}
	replaced := []string{deleteNew, createBody}
	scenarios := func(f *fixture) map[string][]step {
		return map[string][]step{
			"renamed": {
				{config: newInstance, sent: []string{createBody}},
				{config: newer, err: protected},
				{config: unprotectedInstance},
				{
					config: newer, action: replaces, sent: []string{deleteNew, `{"name":"newer"}`},
					warnings: []string{deleted},
				},
				{sent: []string{"DELETE /api/instance/delete/newer"}, warnings: []string{`^Instance "newer" will be`}},
			},
			"protected and tainted": {
				{config: newInstance, sent: []string{createBody}},
				{config: newInstance, taint: true, err: protected},
				{before: func() { f.account.RemoveInstance("new") }},
			},
			"under another address": {
				{config: unprotectedInstance, sent: []string{createBody}},
				{
					also: map[string]arguments{"other": unprotectedInstance}, err: `renamed without a moved block`,
					warnings: []string{deleted},
				},
				{sent: []string{deleteNew}, warnings: []string{deleted}},
			},
			"tainted": {
				{config: unprotectedInstance, sent: []string{createBody}},
				{config: unprotectedInstance, taint: true, sent: replaced, warnings: []string{deleted}},
				{sent: []string{deleteNew}, warnings: []string{deleted}},
			},
		}
	}
	for name := range scenarios(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step { return scenarios(f)[name] })
		})
	}
}

// What was deleted by hand is created again. What was created again by hand is another instance, and left alone.
func TestInstanceDeletedByHand(t *testing.T) {
	t.Parallel()
	playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step {
		other := `(?s)^Instance "new" is not the one that this resource has managed\n.*"4".*"3"`
		return []step{
			{config: newInstance, sent: []string{createBody}, state: map[string]any{"id": "2"}},
			{config: unprotectedInstance, action: updates},
			{
				before: func() { f.account.RemoveInstance("new") },
				config: unprotectedInstance, action: creates, sent: []string{createBody}, state: map[string]any{"id": "3"},
			},
			{
				before: func() { f.account.RemoveInstance("new"); f.account.AddInstance("new") },
				config: unprotectedInstance, err: other,
			},
			{noRefresh: true, err: other, warnings: []string{deleted}},
			{
				before: func() { f.account.RemoveInstance("new") },
				config: nil,
			},
		}
	})
}

// An instance is imported by its name, with protection.
func TestImportOfAnInstance(t *testing.T) {
	t.Parallel()
	playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.AddInstance("shop-2")
		return []step{
			{
				importID: "shpo", config: arguments{"name": "shpo"},
				err: `(?s)^There is no instance "shpo"\n.*nearest names are "shop"\.`,
			},
			{importID: "a,b", config: arguments{"name": "a"}, err: `^Invalid import ID\n`},
			{importID: "shop", config: arguments{"name": "shop"}},
			{
				config: arguments{"name": "shop"}, action: noop,
				state: map[string]any{"id": "1", "deletion_protection": true},
			},
			{
				config:  arguments{"name": "shop", "deletion_protection": false},
				changes: changes{"deletion_protection": {true, false}},
			},
			{sent: []string{"DELETE /api/instance/delete/shop"}, warnings: []string{`^Instance "shop" will be deleted`}},
		}
	})
}

// With a TokenInstance, an instance that is not in the list is not taken for deleted.
func TestInstanceNeedsATokenAccount(t *testing.T) {
	t.Parallel()
	playAs(t, instanceType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.AddInstance("shop-2")
		own := arguments{"token": testToken + "-shop-2"}
		return []step{
			{config: unprotectedInstance, sent: []string{createBody}},
			{
				settings: own, config: unprotectedInstance,
				err: `(?s)^Could not read instance "new"\n.*The token is a TokenInstance\.`,
			},
			{
				settings: own, config: unprotectedInstance, also: map[string]arguments{"twin": {"name": "newer"}}, noRefresh: true,
				err: `(?s)^The token cannot manage instances\n.*The token is a TokenInstance\.`,
			},
			{sent: []string{deleteNew}, warnings: []string{deleted}},
		}
	})
}

func TestBadInstances(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		err    string
	}{
		"empty":      {arguments{"name": ""}, `^Invalid "name"\n`},
		"comma":      {arguments{"name": "a,b"}, `^Invalid "name"\n`},
		"line break": {arguments{"name": "a\n"}, `^Invalid "name"\n`},
		"timeout":    {arguments{"name": "a", "timeouts": arguments{"create": "-1m"}}, `^Invalid timeout\n`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, instanceType, false, mockapi.Options{}, func(*fixture) []step {
				return []step{{config: c.config, err: c.err}}
			})
		})
	}
}

func TestListOfInstances(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("Bar")
	f.typeName = instanceType
	want := []string{
		"Bar: Bar (connected), deletion_protection=true, id=2, name=Bar",
		"shop: shop (connected), deletion_protection=true, id=1, name=shop",
	}
	if got := f.connect().list(arguments{}, true, 0); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A destroy that nothing has planned, such as that of an object that an interrupted run has left behind, is checked
// again.
func TestProtectedInstanceIsNotDeletedWithoutAPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.typeName = instanceType
	p := f.connect()
	state := p.attributes(map[string]any{"name": "shop", "id": "1", "deletion_protection": true})
	_, failed := p.applyChange(&managed{state: state}, nil, nil, nil)
	if failed == nil || !regexp.MustCompile(`Instance "shop" is protected from deletion`).MatchString(failed.text) {
		t.Errorf("%+v", failed)
	}
	f.sentNothing()
}
