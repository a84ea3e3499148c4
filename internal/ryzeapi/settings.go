package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
)

// Settings are the switches of an instance's behaviour. They always exist.
type Settings struct {
	AutoRejectCalls     bool   `json:"autoRejectCalls"`
	CallRejectMessage   string `json:"callRejectMessage"`
	IgnoreGroupMessages bool   `json:"ignoreGroupMessages"`
	KeepOnlineStatus    bool   `json:"keepOnlineStatus"`
	AutoReadMessages    bool   `json:"autoReadMessages"`
	DisableHistorySync  bool   `json:"disableHistorySync"`
	IgnoreStatus        bool   `json:"ignoreStatus"`
}

// DefaultSettings are those of a new instance (API.md, section 4).
var DefaultSettings = Settings{DisableHistorySync: true}

// Settings are the settings of an instance.
func (c *Client) Settings(instance string) Object[Settings] {
	return Object[Settings]{
		client: c, key: objectKey{kind: "settings", instance: instance},
		readPath: "/api/instance/getSettings/", writePath: "/api/instance/settings/",
		decode: func(answer []byte) (Settings, error) { return decodeSettings(payload(answer, "settings")) },
		decodeListed: func(object json.RawMessage) (Settings, bool) {
			settings, err := decodeSettings(object)
			return settings, err == nil
		},
	}
}

// UpdateSettings saves all settings, and returns those that RyzeAPI says that it has saved.
func (c *Client) UpdateSettings(ctx context.Context, instance string, settings Settings) (Settings, error) {
	return c.Settings(instance).write(ctx, settings)
}

func decodeSettings(object json.RawMessage) (settings Settings, err error) {
	if !hasFields(object, "autoRejectCalls", "callRejectMessage", "ignoreGroupMessages", "keepOnlineStatus",
		"autoReadMessages", "disableHistorySync", "ignoreStatus") {
		return Settings{}, errors.New("a setting is missing from it")
	}
	if json.Unmarshal(object, &settings) != nil {
		return Settings{}, errors.New("the settings in it have a field of the wrong type")
	}
	return settings, nil
}
