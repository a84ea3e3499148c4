package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// DefaultLabel is the label of a webhook without one (API.md, section 4).
const DefaultLabel = "default"

// MaxWebhooks is how many webhooks of an instance can be enabled (API.md, section 4).
const MaxWebhooks = 3

// Webhook is a webhook of an instance. No events means all.
type Webhook struct {
	Label         string
	Enabled       bool
	URL           string
	Authorization Secret // as RyzeAPI returns it: in clear, or still encrypted; empty for none
	ByEvents      bool
	Events        []string
	MediaBase64   bool

	// Others are the labels of the instance's other enabled webhooks. It is empty if RyzeAPI's answer does not say.
	Others []string
}

// wireWebhook is a webhook as it is sent and received.
type wireWebhook struct {
	Label         string   `json:"label"`
	Enabled       bool     `json:"enabled"`
	URL           string   `json:"url"`
	Authorization *string  `json:"authorization"` // null for none
	ByEvents      bool     `json:"byEvents"`
	Events        []string `json:"events"`
	MediaBase64   bool     `json:"mediaBase64"`
}

// Webhook is the webhook of an instance with a label. One that does not exist is disabled. A list only serves the read
// of an enabled one with the default label.
func (c *Client) Webhook(instance, label string) Object[Webhook] {
	return c.webhook(instance, label, func(w Webhook) bool { return w.Enabled })
}

// WebhookToCreate is [Client.Webhook] for a read that only asks what is enabled. A list also says that nothing is.
func (c *Client) WebhookToCreate(instance, label string) Object[Webhook] {
	return c.webhook(instance, label, func(Webhook) bool { return true })
}

func (c *Client) webhook(instance, label string, listed func(Webhook) bool) Object[Webhook] {
	return Object[Webhook]{
		client: c, key: objectKey{kind: "webhook", instance: instance, label: label},
		readPath: "/api/events/getWebhook/", writePath: "/api/events/webhook/",
		decode: func(answer []byte) (Webhook, error) {
			if saved := payload(answer, "webhook"); saved != nil {
				return decodeWebhook(saved)
			}
			all, err := decodeWebhooks(answer)
			return pickWebhook(all, label), err
		},
		decodeListed: func(object json.RawMessage) (Webhook, bool) {
			w, err := decodeWebhook(object)
			isWhole := !w.Enabled ||
				hasFields(object, "authorization", "byEvents", "events", "mediaBase64") && w.URL != "" && w.Label == DefaultLabel
			return w, label == DefaultLabel && err == nil && isWhole && listed(w)
		},
	}
}

// Webhooks reads all webhooks of an instance, disabled ones included.
func (c *Client) Webhooks(ctx context.Context, instance string) ([]Webhook, error) {
	_, answer, err := c.Webhook(instance, DefaultLabel).get(ctx, request{maxRetries: c.maxRetries})
	if err != nil {
		return nil, err
	}
	return decodeWebhooks(answer)
}

// UpdateWebhook saves and enables a webhook, and returns what RyzeAPI says that it has saved.
func (c *Client) UpdateWebhook(ctx context.Context, instance string, config Webhook) (Webhook, error) {
	body := wireWebhook{
		Label: config.Label, Enabled: true, URL: config.URL, ByEvents: config.ByEvents,
		Events: eventsToSend(config.Events), MediaBase64: config.MediaBase64,
	}
	if authorization := config.Authorization.Reveal(); authorization != "" {
		body.Authorization = &authorization
	}
	return c.Webhook(instance, config.Label).write(ctx, body, config.Authorization)
}

// DisableWebhook disables a webhook. RyzeAPI keeps its label, and forgets its URL, authorization and events.
func (c *Client) DisableWebhook(ctx context.Context, instance, label string) (Webhook, error) {
	body := struct {
		Label   string `json:"label"`
		Enabled bool   `json:"enabled"`
	}{label, false}
	return c.Webhook(instance, label).write(ctx, body)
}

func decodeWebhook(object json.RawMessage) (Webhook, error) {
	w, err := decodeEnabled[wireWebhook]("webhook", object)
	authorization := ""
	if w.Authorization != nil {
		authorization = *w.Authorization
	}
	return Webhook{
		Label: w.Label, Enabled: w.Enabled, URL: w.URL, Authorization: NewSecret(authorization), ByEvents: w.ByEvents,
		Events: w.Events, MediaBase64: w.MediaBase64,
	}, err
}

func decodeWebhooks(answer []byte) ([]Webhook, error) {
	var objects []json.RawMessage
	if json.Unmarshal(payload(answer, "webhooks"), &objects) != nil || objects == nil {
		return nil, errors.New(`the list "webhooks" is missing from it`)
	}
	all := []Webhook{}
	for _, object := range objects {
		w, err := decodeWebhook(object)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// pickWebhook returns the webhook with a label, or a disabled one if there is none.
func pickWebhook(all []Webhook, label string) Webhook {
	picked := Webhook{Label: label}
	if i := slices.IndexFunc(all, func(w Webhook) bool { return w.Label == label }); i >= 0 {
		picked = all[i]
	}
	for _, w := range all {
		if w.Enabled && w.Label != label {
			picked.Others = append(picked.Others, w.Label)
		}
	}
	return picked
}
