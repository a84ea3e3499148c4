package mockapi

import "net/http"

// Websocket is the WebSocket of an instance as the server holds it.
type Websocket struct {
	Enabled     bool
	Events      []string // empty for all
	MediaBase64 bool
}

// Websocket returns the WebSocket of an instance, and whether it was ever configured.
func (a *Account) Websocket(name string) (Websocket, bool) {
	found := look(a, name, func(i *instance) *Websocket { return i.websocket })
	if found == nil {
		return Websocket{}, false
	}
	return *found, true
}

// ChangeWebsocket changes the WebSocket of an instance behind Terraform's back. It does nothing if there is no such
// instance.
func (a *Account) ChangeWebsocket(name string, change func(*Websocket)) {
	a.change(name, func(i *instance) {
		var changed Websocket // what others may be reading is not changed
		if i.websocket != nil {
			changed = *i.websocket
		}
		change(&changed)
		i.websocket = &changed
	})
}

func (s *Server) updateWebsocket(r *http.Request, i *instance) answer {
	var body struct {
		Enabled     *bool     `json:"enabled"`
		Events      *[]string `json:"events"`
		MediaBase64 *bool     `json:"mediaBase64"`
	}
	if !decode(r, &body) || body.Enabled == nil || body.Events != nil && !areEvents(*body.Events) {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	var old, changed Websocket
	if i.websocket != nil {
		old = *i.websocket
	}
	if *body.Enabled {
		changed = Websocket{
			Enabled: true, Events: sent(s, body.Events, old.Events), MediaBase64: sent(s, body.MediaBase64, old.MediaBase64),
		}
	}
	alter(s.options.AlterWebsocket, &changed)
	i.websocket = &changed
	return success("WebSocket updated", "websocket", s.websocketObject(i.websocket))
}

func (s *Server) getWebsocket(_ *http.Request, i *instance) answer {
	if i.websocket == nil && !s.options.DefaultWebsocket {
		return failure(http.StatusNotFound, "WebSocket not configured for this instance")
	}
	return success("", "websocket", s.websocketObject(i.websocket))
}

// websocketObject is a WebSocket as every answer shows it.
func (s *Server) websocketObject(w *Websocket) map[string]any {
	if w == nil || !w.Enabled {
		return map[string]any{"enabled": false, "events": []string{}, "mediaBase64": false}
	}
	return map[string]any{"enabled": true, "events": s.shownEvents(w.Events), "mediaBase64": w.MediaBase64}
}
