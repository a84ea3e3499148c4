package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// privateState is the private state of any of the framework's requests or responses.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// Keys in private state, besides those of secrets' fingerprints.
const (
	instanceIDsKey = "instance_ids"
	// replacesKey holds the object of the resource that is being planned. Terraform hands a create what the plan of the
	// resource that it replaces has set, and other creates nothing.
	replacesKey = "replaces"
	// keptKey marks an object whose destroy leaves it enabled, because another resource in the state manages it. What the
	// plan of a destroy sets reaches the apply, except for a deposed object: its destroy is planned again in the apply,
	// from what the last refresh has set.
	keptKey = "kept"
	// importedKey marks a proxy that was imported and not saved since, so RyzeAPI may have a password that nobody knows.
	importedKey = "imported"
	// againKey marks a planned update that saves an object although nothing has changed, because a destroy in the same
	// apply may have disabled it.
	againKey = "again"
)

// loadPrivate decodes a value of the private state. It leaves the value as it is if there is none, or one that an
// earlier version of the provider has written in another form.
func loadPrivate(ctx context.Context, private privateState, key string, value any) diag.Diagnostics {
	stored, diags := private.GetKey(ctx, key)
	_ = json.Unmarshal(stored, value)
	return diags
}

func savePrivate(ctx context.Context, private privateState, key string, value any) diag.Diagnostics {
	encoded, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{privateStateError(err)}
	}
	return private.SetKey(ctx, key, encoded)
}

// forgetReplacement is for a resource that a refresh removes from the state. Its create would still be handed what an
// earlier plan has set, as if the plan replaced the resource.
func forgetReplacement(ctx context.Context, private privateState) diag.Diagnostics {
	return savePrivate(ctx, private, replacesKey, nil)
}

// instanceIDs are the IDs that RyzeAPI has given the instance of a resource. Two instances of the same name have
// different ones: one was deleted and the other created, or they are in different accounts.
type instanceIDs struct {
	Managed string `json:"managed"` // of the instance whose object the resource has managed
	Found   string `json:"found"`   // at the last refresh
}

func (i instanceIDs) differ() bool { return i.Managed != "" && i.Found != "" && i.Managed != i.Found }

func loadInstanceIDs(ctx context.Context, private privateState) (ids instanceIDs, diags diag.Diagnostics) {
	diags = loadPrivate(ctx, private, instanceIDsKey, &ids)
	return ids, diags
}

// saveInstanceID records the ID of the instance whose object a resource has created.
func saveInstanceID(ctx context.Context, private privateState, id string) diag.Diagnostics {
	return savePrivate(ctx, private, instanceIDsKey, instanceIDs{id, id})
}

// refreshInstanceIDs records the ID of a refresh. An instance with another ID counts as the managed one if its object
// is not enabled, or is the same as that of the managed one was.
func refreshInstanceIDs(ctx context.Context, private privateState, id string, enabled, same bool) diag.Diagnostics {
	if id == "" {
		return nil
	}
	ids, diags := loadInstanceIDs(ctx, private)
	wasManaged := !ids.differ() // so the prior state is that of the managed one
	ids.Found = id
	if ids.Managed == "" || !enabled || wasManaged && same {
		ids.Managed = id
	}
	diags.Append(savePrivate(ctx, private, instanceIDsKey, ids)...)
	return diags
}

// manageFoundInstance records, after a write, that the instance that was found is the managed one.
func manageFoundInstance(ctx context.Context, private privateState) diag.Diagnostics {
	ids, diags := loadInstanceIDs(ctx, private)
	if ids.differ() {
		diags.Append(savePrivate(ctx, private, instanceIDsKey, instanceIDs{ids.Found, ids.Found})...)
	}
	return diags
}
