package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const settingsType = "ryzeapi_instance_settings"

// settingsBody is the body that must be sent to save settings: all seven.
func settingsBody(t *testing.T, change func(*mockapi.Settings)) string {
	t.Helper()
	s := mockapi.Settings{DisableHistorySync: true}
	if change != nil {
		change(&s)
	}
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Settings are created, changed, drift in each field, and are reset by a destroy.
func TestSettingsLifecycle(t *testing.T) {
	t.Parallel()
	playAs(t, settingsType, false, mockapi.Options{}, func(f *fixture) []step {
		config := arguments{"instance": "shop", "auto_reject_calls": true, "call_reject_message": "Please write.\nThank you."}
		saved := []string{settingsBody(t, func(s *mockapi.Settings) {
			s.AutoRejectCalls, s.CallRejectMessage = true, "Please write.\nThank you."
		})}
		steps := []step{
			{
				config: arguments{"instance": "shop"}, action: creates, sent: []string{settingsBody(t, nil)},
				state: map[string]any{
					"auto_reject_calls": false, "call_reject_message": "", "ignore_group_messages": false,
					"keep_online_status": false, "auto_read_messages": false, "disable_history_sync": true, "ignore_status": false,
				},
			},
			{
				config: config, action: updates, sent: saved,
				changes: changes{
					"auto_reject_calls": {false, true}, "call_reject_message": {"", "Please write.\nThank you."},
				},
			},
		}
		for name, c := range map[string]struct {
			by   func(*mockapi.Settings)
			want change
		}{
			"auto_reject_calls": {func(s *mockapi.Settings) { s.AutoRejectCalls = false }, change{false, true}},
			"call_reject_message": {
				func(s *mockapi.Settings) { s.CallRejectMessage = "" }, change{"", "Please write.\nThank you."},
			},
			"ignore_group_messages": {func(s *mockapi.Settings) { s.IgnoreGroupMessages = true }, change{true, false}},
			"keep_online_status":    {func(s *mockapi.Settings) { s.KeepOnlineStatus = true }, change{true, false}},
			"auto_read_messages":    {func(s *mockapi.Settings) { s.AutoReadMessages = true }, change{true, false}},
			"disable_history_sync":  {func(s *mockapi.Settings) { s.DisableHistorySync = false }, change{false, true}},
			"ignore_status":         {func(s *mockapi.Settings) { s.IgnoreStatus = true }, change{true, false}},
		} {
			steps = append(steps, step{
				before: func() { f.account.ChangeSettings("shop", c.by) },
				config: config, action: updates, changes: changes{name: c.want}, sent: saved,
			})
		}
		return append(steps, step{sent: []string{settingsBody(t, nil)}})
	})
}

func TestSettingsPlanEmptyWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]mockapi.ListShape{
		"whole": mockapi.ListWhole, "partial": mockapi.ListPartial, "missing": mockapi.ListMissing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, settingsType, false, mockapi.Options{ListSettings: shape}, func(*fixture) []step {
				return []step{
					{
						config: arguments{"instance": "shop", "ignore_status": true, "call_reject_message": nil},
						sent:   []string{settingsBody(t, func(s *mockapi.Settings) { s.IgnoreStatus = true })},
					},
					{sent: []string{settingsBody(t, nil)}},
				}
			})
		})
	}
}

// A create may change settings, and says which of them are not the defaults.
func TestCreateOfSettingsSaysWhatItChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config   arguments
		warnings []string
	}{
		"changes": {
			arguments{"instance": "shop"}, []string{
				`^This changes the settings of instance "shop"\n(?s).*\n  call_reject_message = "later" -> ""\n` +
					`  disable_history_sync = "false" -> "true"\n\n`,
			},
		},
		"keeps them": {arguments{"instance": "shop", "call_reject_message": "later", "disable_history_sync": false}, nil},
		"keeps one": {
			arguments{"instance": "shop", "call_reject_message": "later"},
			[]string{`\n  disable_history_sync = "false" -> "true"\n\n`},
		},
		"unknown": {arguments{"instance": "shop", "ignore_status": knownLater{true}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, settingsType, false, mockapi.Options{}, func(f *fixture) []step {
				f.account.ChangeSettings("shop", func(s *mockapi.Settings) {
					s.CallRejectMessage, s.DisableHistorySync = "later", false
				})
				return []step{{config: c.config, planOnly: true, warnings: c.warnings}}
			})
		})
	}
}

func TestSettingsImport(t *testing.T) {
	t.Parallel()
	playAs(t, settingsType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.ChangeSettings("shop", func(s *mockapi.Settings) { s.IgnoreStatus = true })
		config := arguments{"instance": "shop", "ignore_status": true}
		return []step{
			{config: config, importID: "shop"},
			{config: config, action: noop},
			{sent: []string{settingsBody(t, nil)}},
		}
	})
	playAs(t, settingsType, false, mockapi.Options{}, func(*fixture) []step {
		return []step{{
			config: arguments{"instance": "shop"}, importID: "nobody", err: `Could not read the settings of instance "nobody"`,
		}}
	})
}

func TestSettingsThatAreNotSavedAsSent(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*mockapi.Settings){
		"auto_reject_calls":     func(s *mockapi.Settings) { s.AutoRejectCalls = true },
		"call_reject_message":   func(s *mockapi.Settings) { s.CallRejectMessage = "x" },
		"ignore_group_messages": func(s *mockapi.Settings) { s.IgnoreGroupMessages = true },
		"keep_online_status":    func(s *mockapi.Settings) { s.KeepOnlineStatus = true },
		"auto_read_messages":    func(s *mockapi.Settings) { s.AutoReadMessages = true },
		"disable_history_sync":  func(s *mockapi.Settings) { s.DisableHistorySync = false },
		"ignore_status":         func(s *mockapi.Settings) { s.IgnoreStatus = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			options := mockapi.Options{AlterSettings: func(s *mockapi.Settings) {
				if first {
					first = false
					alter(s)
				}
			}}
			playAs(t, settingsType, false, options, func(*fixture) []step {
				return []step{
					{
						config: arguments{"instance": "shop"}, sent: []string{settingsBody(t, nil)},
						err: fmt.Sprintf("RyzeAPI did not save %q of instance \"shop\" as sent", name),
					},
					{sent: []string{settingsBody(t, nil)}},
				}
			})
		})
	}
}

// Only an instance that is gone removes the settings from the state, and what the write failed to save is sent again.
func TestSettingsOnBadDays(t *testing.T) {
	t.Parallel()
	playAs(t, settingsType, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"max_retries": 0}
		config := arguments{"instance": "shop", "ignore_status": true}
		body := []string{settingsBody(t, func(s *mockapi.Settings) { s.IgnoreStatus = true })}
		return []step{
			{
				before: func() { f.mock.Inject("POST", 1, mockapi.FailWith(500, "Failed to update settings configuration")) },
				config: config, err: `Could not save the settings of instance "shop"\n`, sent: body,
			},
			{config: config, sent: body},
			{
				before: func() { f.mock.Inject("GET", 3, mockapi.AnswerWith(404, "text/plain", "404 page not found")) },
				config: config, err: `Could not read the settings of instance "shop"\n`,
			},
			{
				before: func() { f.account.RemoveInstance("shop") }, config: config, planOnly: true, action: creates,
				warnings: []string{`Instance "shop" does not exist`},
			},
			{before: func() { f.account.AddInstance("shop") }, sent: []string{settingsBody(t, nil)}},
		}
	})
}

// The token is that of another account, or the instance was deleted and created again.
func TestPlanRefusesToChangeTheSettingsOfAnotherInstance(t *testing.T) {
	t.Parallel()
	refused := `Instance "shop" is not the one that this`
	playAs(t, settingsType, false, mockapi.Options{}, func(f *fixture) []step {
		again := func(change func(*mockapi.Settings)) func() {
			return func() {
				f.account.RemoveInstance("shop")
				f.account.AddInstance("shop")
				f.account.ChangeSettings("shop", change)
			}
		}
		config := arguments{"instance": "shop", "ignore_status": true}
		ours := func(s *mockapi.Settings) { s.IgnoreStatus = true }
		saved := []string{settingsBody(t, ours)}
		theirs := again(func(s *mockapi.Settings) { s.CallRejectMessage = "theirs" })
		return []step{
			{config: config, sent: saved},
			{before: theirs, config: config, err: `(?s)` + refused + `.*"theirs".*with "terraform state rm"`},
			{config: config.with(arguments{"ignore_status": knownLater{true}}), planOnly: true, err: refused},
			{err: `(?s)` + refused + `.*would\s+delete`},
			{before: again(ours), config: config, action: noop},
			{before: again(func(*mockapi.Settings) {}), config: config, action: updates, sent: saved},
			{sent: []string{settingsBody(t, nil)}},
		}
	})
}

// What is known only after an apply may turn out to be what the instance has already.
func TestSettingThatIsUnknownMayNotChange(t *testing.T) {
	t.Parallel()
	playAs(t, settingsType, false, mockapi.Options{}, func(*fixture) []step {
		saved := []string{settingsBody(t, func(s *mockapi.Settings) { s.IgnoreStatus = true })}
		return []step{
			{config: arguments{"instance": "shop", "ignore_status": true}, sent: saved},
			{config: arguments{"instance": "shop", "ignore_status": knownLater{true}}, action: updates},
			{config: arguments{"instance": "shop", "ignore_status": knownLater{false}}, sent: []string{settingsBody(t, nil)}},
		}
	})
}

func TestInvalidSettingsFailThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		err    string
	}{
		"control character": {
			arguments{"instance": "shop", "call_reject_message": "a\x1bb"}, `Invalid "call_reject_message"\n`,
		},
		"no instance name": {arguments{"instance": ""}, `Invalid "instance"\n`},
		"timeout of zero":  {arguments{"instance": "shop", "timeouts": arguments{"read": "0s"}}, "Invalid timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.typeName = settingsType
			newHost(f).play([]step{{config: c.config, planOnly: true, err: c.err}})
			f.sentNothing()
		})
	}
	f := newFixture(t, mockapi.Options{})
	f.typeName = settingsType
	config := arguments{"instance": "shop"}
	newHost(f).play([]step{{
		config: config, also: map[string]arguments{"zweite": config}, planOnly: true,
		err: `Two resources manage the settings of instance "shop"`,
	}})
	if strings.Contains(fmt.Sprint(f.mock.Requests()), "POST") {
		t.Error("something was sent")
	}
}
