package mockapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
)

// maxWebhooks is how many webhooks of an instance can be enabled.
const maxWebhooks = 3

// Webhook is a webhook of an instance as the server holds it.
type Webhook struct {
	Label         string
	Enabled       bool
	URL           string
	Authorization string // value of the header of each delivery; empty for none
	ByEvents      bool
	Events        []string // empty for all
	MediaBase64   bool
}

// Webhook returns a webhook of an instance, or the zero Webhook if there is none with the label.
func (a *Account) Webhook(name, label string) Webhook {
	return look(a, name, func(i *instance) Webhook {
		if w := i.webhook(label); w != nil {
			return *w
		}
		return Webhook{}
	})
}

// Webhooks returns the webhooks of an instance, by label.
func (a *Account) Webhooks(name string) []Webhook {
	return look(a, name, func(i *instance) []Webhook {
		var all []Webhook
		for _, w := range i.webhooks {
			all = append(all, *w)
		}
		return all
	})
}

// ChangeWebhook changes a webhook of an instance behind Terraform's back, or creates it. It does nothing if there is no
// such instance.
func (a *Account) ChangeWebhook(name, label string, change func(*Webhook)) {
	a.change(name, func(i *instance) { change(i.webhookOrNew(label)) })
}

func (i *instance) webhook(label string) *Webhook {
	for _, w := range i.webhooks {
		if w.Label == label {
			return w
		}
	}
	return nil
}

func (i *instance) webhookOrNew(label string) *Webhook {
	if w := i.webhook(label); w != nil {
		return w
	}
	w := &Webhook{Label: label}
	i.webhooks = append(i.webhooks, w)
	slices.SortFunc(i.webhooks, func(a, b *Webhook) int { return cmp.Compare(a.Label, b.Label) })
	return w
}

func (i *instance) enabledWebhooks() (enabled int) {
	for _, w := range i.webhooks {
		if w.Enabled {
			enabled++
		}
	}
	return enabled
}

func (s *Server) updateWebhook(r *http.Request, i *instance) answer {
	var body struct {
		Label         *string         `json:"label"`
		Enabled       *bool           `json:"enabled"`
		URL           *string         `json:"url"`
		Authorization json.RawMessage `json:"authorization"` // null means none, and is not the same as omitted
		ByEvents      *bool           `json:"byEvents"`
		Events        *[]string       `json:"events"`
		MediaBase64   *bool           `json:"mediaBase64"`
	}
	var authorization *string
	if !decode(r, &body) || body.Enabled == nil || body.Events != nil && !areEvents(*body.Events) ||
		len(body.Authorization) > 0 && json.Unmarshal(body.Authorization, &authorization) != nil {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	if len(body.Authorization) > 0 && authorization == nil {
		authorization = new(string)
	}
	label := "default"
	if body.Label != nil && *body.Label != "" {
		label = *body.Label
	}
	var old Webhook
	if w := i.webhook(label); w != nil {
		old = *w
	}
	changed := Webhook{Label: label, ByEvents: old.ByEvents}
	if *body.Enabled {
		changed = Webhook{
			Label:         label,
			Enabled:       true,
			URL:           sent(s, body.URL, old.URL),
			Authorization: sent(s, authorization, old.Authorization),
			ByEvents:      sent(s, body.ByEvents, old.ByEvents),
			Events:        sent(s, body.Events, old.Events),
			MediaBase64:   sent(s, body.MediaBase64, old.MediaBase64),
		}
		switch {
		case changed.URL == "":
			return failure(http.StatusBadRequest, "url is required when the webhook is enabled")
		case !old.Enabled && i.enabledWebhooks() >= maxWebhooks:
			return failure(cmp.Or(s.options.FourthWebhook, http.StatusBadRequest),
				"Maximum of 3 active webhooks per instance reached")
		}
	}
	alter(s.options.AlterWebhook, &changed)
	*i.webhookOrNew(label) = changed
	return success("Webhook updated", "webhook", s.webhookObject(changed))
}

func (s *Server) getWebhook(r *http.Request, i *instance) answer {
	if label := r.URL.Query().Get("label"); label != "" {
		if w := i.webhook(label); w != nil {
			return success("", "webhook", s.webhookObject(*w))
		}
		return failure(http.StatusNotFound, cmp.Or(s.options.UnknownLabel, "Webhook not found"))
	}
	all := []map[string]any{}
	for _, w := range i.webhooks {
		all = append(all, s.webhookObject(*w))
	}
	return success("", "webhooks", all)
}

// listedWebhook is the webhook in an item of the instance list: the one with the label "default".
func (s *Server) listedWebhook(i *instance) map[string]any {
	if w := i.webhook("default"); w != nil && w.Enabled {
		return s.webhookObject(*w)
	}
	return map[string]any{"enabled": false}
}

// webhookObject is a webhook as every answer shows it.
func (s *Server) webhookObject(w Webhook) map[string]any {
	object := map[string]any{
		"label": w.Label, "enabled": w.Enabled, "byEvents": w.ByEvents, "mediaBase64": w.MediaBase64,
		"events": []string{}, "authorization": nil,
	}
	s.setString(object, "url", w.URL, w.Enabled)
	if w.Enabled {
		object["events"] = s.shownEvents(w.Events)
	}
	if w.Authorization != "" {
		object["authorization"] = w.Authorization
		if s.options.EncryptedAuthorization {
			object["authorization"] = "enc:" + base64.StdEncoding.EncodeToString([]byte(w.Authorization))
		}
	}
	return object
}
