package mockapi

import (
	"encoding/json"
	"net/http"
)

// Settings are the switches of an instance's behaviour, with their names on the wire.
type Settings struct {
	AutoRejectCalls     bool   `json:"autoRejectCalls"`
	CallRejectMessage   string `json:"callRejectMessage"`
	IgnoreGroupMessages bool   `json:"ignoreGroupMessages"`
	KeepOnlineStatus    bool   `json:"keepOnlineStatus"`
	AutoReadMessages    bool   `json:"autoReadMessages"`
	DisableHistorySync  bool   `json:"disableHistorySync"`
	IgnoreStatus        bool   `json:"ignoreStatus"`
}

// defaultSettings are those of a new instance.
var defaultSettings = Settings{DisableHistorySync: true}

// Settings returns the settings of an instance, or the zero Settings if there is no such instance.
func (a *Account) Settings(name string) Settings {
	return look(a, name, func(i *instance) Settings { return i.settings })
}

// ChangeSettings changes the settings of an instance behind Terraform's back. It does nothing if there is no such
// instance.
func (a *Account) ChangeSettings(name string, change func(*Settings)) {
	a.change(name, func(i *instance) { change(&i.settings) })
}

// updateSettings saves the settings that the body has. The others keep their values.
func (s *Server) updateSettings(r *http.Request, i *instance) answer {
	settings := i.settings
	var fields map[string]json.RawMessage
	if !decode(r, &fields) || !decodeAgain(fields, &settings) {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	known := settings.object()
	for name := range fields {
		if _, ok := known[name]; !ok {
			delete(fields, name)
		}
	}
	if len(fields) == 0 {
		return failure(http.StatusBadRequest, "At least one setting must be provided")
	}
	i.settings = settings
	alter(s.options.AlterSettings, &i.settings)
	return success("Settings updated", "settings", i.settings.object())
}

func (s *Server) getSettings(_ *http.Request, i *instance) answer {
	return success("Settings retrieved", "settings", i.settings.object())
}

// object is settings as every answer shows them.
func (settings Settings) object() map[string]any {
	object := map[string]any{}
	decodeAgain(settings, &object)
	return object
}

// decodeAgain encodes a value and decodes it into another. It reports false if that has other types.
func decodeAgain(from, to any) bool {
	encoded, err := json.Marshal(from)
	return err == nil && json.Unmarshal(encoded, to) == nil
}
