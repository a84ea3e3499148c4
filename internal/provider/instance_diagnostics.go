package provider

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// What was being done to a whole instance when a call failed.
const (
	create action = "create"
	remove action = "delete"
)

// failedInstanceError is for a call about a whole instance that failed. The name is empty for any instance.
func failedInstanceError(doing action, name string, err error) diag.Diagnostic {
	if ryzeapi.IsInstanceExisting(err) {
		return existingInstanceError(name)
	}
	summary := fmt.Sprintf("Could not %s instance %q", doing, name)
	if name == "" {
		summary = "The token cannot manage instances"
	}
	said, isAPI := errors.AsType[*ryzeapi.APIError](err)
	switch {
	case isOneInstance(err):
		return diag.NewErrorDiagnostic(summary, "The token is a TokenInstance. With it, RyzeAPI lists only the "+
			"token's own instance, and creates and deletes none.\n\n"+needsTokenAccount)
	case isAPI && doing != read && said.StatusCode == http.StatusUnauthorized:
		return diag.NewErrorDiagnostic(summary, ryzeAPIAnswered(said)+
			"RyzeAPI answers this to a token that it does not know, and to a TokenInstance.\n\n"+needsTokenAccount)
	case isAPI && doing == create && said.StatusCode == http.StatusForbidden:
		return diag.NewErrorDiagnostic(summary, ryzeAPIAnswered(said)+
			"The account has as many instances as it may have. Delete one that you no longer need, or ask RyzeAPI for more.")
	case doing == create && ryzeapi.MayHaveTakenEffect(err):
		return diag.NewErrorDiagnostic(summary, explain(err)+"\n\n"+
			"RyzeAPI may have created the instance, and the provider could not list the instances afterwards. "+
			"It does not send a create twice.\n\n"+
			"Run the same command again. If it says that the instance exists already, import it:\n\n"+importInstance(name))
	case doing == create:
		return diag.NewErrorDiagnostic(summary, explainCall(err)+"\n\nThe instance was not created.")
	}
	return diag.NewErrorDiagnostic(summary, explainCall(err))
}

const needsTokenAccount = `To manage instances, set the provider's "token" (or ` + tokenVariable +
	") to the account's TokenAccount."

func isOneInstance(err error) bool { return errors.Is(err, ryzeapi.ErrOneInstance) }

// existingInstanceError is for the create of an instance whose name another one has.
func existingInstanceError(name string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("name"), fmt.Sprintf("Instance %q exists already", name),
		"Creating it would fail, and nothing was sent.\n\nTo manage the instance that exists, import it under the address "+
			"shown above:\n\n"+importInstance(name)+"\n\n"+
			"If a resource in the state manages it under another address, use a moved block.")
}

func importInstance(name string) string {
	return fmt.Sprintf("  import {\n    to = %s\n    id = %s\n  }",
		object{kind: wholeInstance}.address("NAME"), hclString(name))
}

// duplicateInstanceError is for two resources that would create one instance.
func duplicateInstanceError(name string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("name"), fmt.Sprintf("Two resources manage instance %q", name),
		"There can be only one instance of a name. Remove one of the two, or give it another name.\n\n"+
			fmt.Sprintf("This error shows the address of one. The other is the %s with this name in the planned actions above.",
				wholeInstance.resource))
}

// movedInstanceError is for a plan that destroys the resource of an instance and creates another.
func movedInstanceError(name string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("name"),
		fmt.Sprintf("The resource for instance %q is renamed without a moved block", name),
		"This plan would delete the instance, and create another one of the same name.\n\n"+
			"If you renamed the resource, say so with a moved block, and nothing is deleted:\n\n"+
			fmt.Sprintf("  moved {\n    from = %s\n    to   = %s\n  }\n\n",
				object{kind: wholeInstance}.address("OLD"), object{kind: wholeInstance}.address("NEW"))+
			"To delete the instance and create it again on purpose, use the -replace option.")
}

// protectedInstanceError is for a plan that would delete a protected instance.
func protectedInstanceError(name string, replaces bool) diag.Diagnostic {
	reason := "This plan would delete the instance"
	if replaces {
		reason = "This plan would replace the instance, and so delete it. RyzeAPI cannot rename an instance"
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("deletion_protection"),
		fmt.Sprintf("Instance %q is protected from deletion", name),
		reason+".\n\nDeleting an instance logs its number out of WhatsApp for good, and deletes all that is configured of "+
			"it. To delete it on purpose, set \"deletion_protection\" to false and apply that first. To keep the instance "+
			"and only forget the resource, use a removed block with \"destroy = false\", or \"terraform state rm\".")
}

// deletesInstanceWarning is for a plan that deletes an instance.
func deletesInstanceWarning(name string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("name"),
		fmt.Sprintf("Instance %q will be deleted, and its number logged out for good", name),
		"RyzeAPI deletes the instance with its settings, webhooks, WebSocket, proxy and storage configuration. "+
			"An instance that is created again has to be connected to its number again. Files in a bucket stay.")
}

// uncheckedNamesWarning is for planned creates of instances whose names could not be looked up.
func uncheckedNamesWarning(err error) diag.Diagnostic {
	return diag.NewWarningDiagnostic("The names of new instances were not checked",
		explainCall(err)+"\n\nThe apply checks each name before it creates an instance. "+
			"It will fail for a name that exists.")
}

// replacedInstanceError is for an instance that only has the name of the one that a resource has managed.
func replacedInstanceError(name, managed, found string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("name"),
		fmt.Sprintf("Instance %q is not the one that this resource has managed", name),
		fmt.Sprintf("RyzeAPI now lists the name with the ID %q; the instance that this resource has managed has the ID %q. "+
			"Either the token is that of another account, or the instance was deleted and created again.\n\n", found, managed)+
			"Check the provider's token first. To manage the new instance, forget the old one with \"terraform state rm\", "+
			"and import the new one:\n\n"+importInstance(name))
}

// noInstanceError is for a name that no instance has, among those of the others.
func noInstanceError(name string, others []string) diag.Diagnostic {
	detail := "The token's account has no instance with this name; names are case-sensitive."
	if nearest := nearestNames(name, others); len(nearest) > 0 {
		detail += "\n\nIts nearest names are " + quotedList(nearest) + "."
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("name"), fmt.Sprintf("There is no instance %q", name), detail)
}

// noTokenInstanceError is for the token of an instance that does not exist.
func noTokenInstanceError(name string, others []string) diag.Diagnostic {
	missing := noInstanceError(name, others)
	return diag.NewAttributeErrorDiagnostic(path.Root("instance"), missing.Summary(), missing.Detail()+"\n\n"+
		"If the same configuration creates the instance, set \"instance_id\" to the \"id\" of its ryzeapi_instance. "+
		"Then the token is read after that.")
}

// otherTokenInstanceError is for the token of an instance with another ID than the configured one.
func otherTokenInstanceError(name, wanted, found string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("instance_id"), fmt.Sprintf("Instance %q has another ID", name),
		fmt.Sprintf("The configuration names the ID %q, and RyzeAPI lists the instance with the ID %q. "+
			"Either the token is that of another account, or the instance was deleted and created again.", wanted, found))
}

// unlistedTokenError is for an instance whose token RyzeAPI does not list.
func unlistedTokenError(name string) diag.Diagnostic {
	return diag.NewErrorDiagnostic(fmt.Sprintf("RyzeAPI does not tell the token of instance %q", name),
		"RyzeAPI's list of instances has the instance without its token.\n\n"+
			"Use a TokenAccount. If this is one, take the instance's token from RyzeAPI's dashboard.")
}

// nearestNames returns at most three names that may have been meant, the nearest first.
func nearestNames(name string, others []string) []string {
	distance := func(other string) int {
		return levenshtein.Distance(strings.ToLower(name), strings.ToLower(other), nil)
	}
	near := slices.DeleteFunc(slices.Clone(others), func(other string) bool {
		return distance(other) > max(2, len(name)/3)
	})
	slices.SortFunc(near, func(a, b string) int {
		if difference := distance(a) - distance(b); difference != 0 {
			return difference
		}
		return strings.Compare(a, b)
	})
	return near[:min(3, len(near))]
}
