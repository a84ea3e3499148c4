package mockapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
)

// Creation chooses how the mock creates instances, where RyzeAPI's contract leaves it open.
type Creation struct {
	Status         int    // of the answer to a success; 0 means 200
	Limit          int    // instances per token and window; 0 means no limit and no headers
	Quota          int    // instances that the account may have; 0 means any number
	ConflictStatus int    // of the answer for a name that exists; 0 means 409
	Conflict       string // its message; empty means "Instance already exists"
	BareAnswer     bool   // the answer to a success does not have the instance
}

// createInstance creates an instance that is not connected to a number. It works with a TokenAccount only.
func (s *Server) createInstance(r *http.Request) answer {
	account, own := s.authenticate(tokenOf(r))
	var body struct {
		Name  *string `json:"name"`
		Token *string `json:"token"`
	}
	if !decode(r, &body) {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	how := s.options.Creation
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case account == nil || own != nil:
		return failure(http.StatusUnauthorized, "Invalid token")
	case body.Name == nil || *body.Name == "":
		return failure(http.StatusBadRequest, "Instance name is required")
	case account.find(*body.Name) != nil:
		return failure(cmp.Or(how.ConflictStatus, http.StatusConflict), cmp.Or(how.Conflict, "Instance already exists"))
	case how.Quota > 0 && len(account.instances) >= how.Quota:
		return failure(http.StatusForbidden, "Account instance quota exceeded")
	}
	created := account.add(*body.Name)
	created.connection = "disconnected"
	if body.Token != nil {
		created.token = *body.Token
	}
	result := answer{cmp.Or(how.Status, http.StatusOK), map[string]any{"success": true, "message": "Instance created"}}
	if !how.BareAnswer {
		result.body["instance"] = map[string]any{
			"id": strconv.Itoa(created.id), "name": created.name, "token": created.token, "status": "active",
		}
	}
	return result
}

// deleteInstance deletes an instance and all that is configured of it. It works with a TokenAccount only.
func (s *Server) deleteInstance(r *http.Request) answer {
	account, own := s.authenticate(tokenOf(r))
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("instance")
	switch {
	case account == nil || own != nil:
		return failure(http.StatusUnauthorized, "Invalid token")
	case account.find(name) == nil:
		return failure(http.StatusNotFound, "Instance not found")
	}
	account.remove(name)
	return success("Instance deleted", "instance", map[string]any{"status": "deleted"})
}

// add adds an instance. The caller holds the lock.
func (a *Account) add(name string) *instance {
	a.server.lastID++
	i := &instance{
		id: a.server.lastID, name: name, token: a.token + "-" + name, connection: "connected", settings: defaultSettings,
	}
	a.instances = append(a.instances, i)
	return i
}

// remove removes an instance. The caller holds the lock.
func (a *Account) remove(name string) {
	a.instances = slices.DeleteFunc(a.instances, func(i *instance) bool { return i.name == name })
}
