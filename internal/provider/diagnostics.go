package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// All of the provider's diagnostics are made here. The summary says what could not be done, and to which instance; the
// detail says what is known, the likely cause, and what to do next. Names of arguments are in quotes.
//
// No diagnostic about a secret or a token points at its argument: the CLI prints the line that a diagnostic points at,
// and the value itself may stand there.

// unknownSettingError is for a provider argument whose value will be known only after an apply.
func unknownSettingError(name string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), fmt.Sprintf("Provider setting %q is not known yet", name),
		"The provider cannot be configured, because this value will be known only after an apply.\n\n"+
			"Apply the resources that it depends on first, with the -target option, or take the value from a variable "+
			"or the environment.")
}

// invalidSettingError is for a malformed provider setting. The cause must not contain the value.
func invalidSettingError(name, source string, cause error) diag.Diagnostic {
	summary, detail := fmt.Sprintf("Invalid provider setting %q", name), source+" "+cause.Error()+"."
	if name == "token" {
		return diag.NewErrorDiagnostic(summary, detail)
	}
	return diag.NewAttributeErrorDiagnostic(path.Root(name), summary, detail)
}

// missingTokenError is for a provider without a token.
func missingTokenError() diag.Diagnostic {
	return diag.NewErrorDiagnostic("Missing RyzeAPI token",
		"The provider needs a token to call RyzeAPI. Set the environment variable "+tokenVariable+" or the provider's "+
			`"token" to a TokenAccount (for every instance of the account) or to a TokenInstance (for its own instance only).`)
}

// plainHTTPWarning is for an endpoint to which the token and the secrets would be sent unencrypted.
func plainHTTPWarning(host string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("endpoint"), "RyzeAPI is called without encryption",
		"The endpoint is http://"+host+", so the token and every secret cross the network unencrypted, "+
			"readable by anyone on the network path. Use an https:// endpoint.")
}

// action is what a resource or data source was doing to an object when a call failed. It completes the summary "Could
// not ...".
type action string

const (
	save    action = "save"
	read    action = "read"
	disable action = "disable"
	reset   action = "reset"
)

// failedCallError is for a call to RyzeAPI that failed.
func failedCallError(doing action, o object, err error) diag.Diagnostic {
	summary := fmt.Sprintf("Could not %s %s", doing, o)
	detail := explainCall(err)
	if said, ok := errors.AsType[*ryzeapi.APIError](err); ok && doing == save && o.refused != "" {
		switch said.StatusCode {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity:
			detail += "\n\n" + o.refused
		}
	}
	if ryzeapi.IsInstanceMissing(err) {
		return diag.NewAttributeErrorDiagnostic(path.Root("instance"), summary, detail)
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// explainCall is explain for a whole call. It adds the last attempt, the number of attempts, and whether the call may
// have taken effect.
func explainCall(err error) string {
	detail := explain(err)
	if call, ok := errors.AsType[*ryzeapi.CallError](err); ok {
		waited, isWait := errors.AsType[*ryzeapi.RateLimitError](call.Last)
		switch {
		case errors.Is(err, ryzeapi.ErrWouldWait) && isWait: // the same
		case isWait:
			detail += "\n\n" + explainWait(waited)
		case call.Last != nil:
			detail += "\n\nThe last attempt failed: " + explain(call.Last)
		}
		if call.Attempts > 1 {
			detail += fmt.Sprintf("\n\nThe provider made %d attempts.", call.Attempts)
		}
	}
	if ryzeapi.MayHaveTakenEffect(err) {
		detail += "\n\nRyzeAPI may have carried out the request anyway. " +
			"Run the same command again: it sends everything again."
	}
	return detail
}

// failedListError is for a list of the instances that failed.
func failedListError(err error) diag.Diagnostic {
	said, ok := errors.AsType[*ryzeapi.APIError](err)
	if ok && (said.StatusCode == http.StatusForbidden || said.StatusCode == http.StatusNotFound) {
		return diag.NewErrorDiagnostic("Could not list the instances", ryzeAPIAnswered(said)+
			"Check that the token is a TokenAccount, and that its account has instances.")
	}
	return diag.NewErrorDiagnostic("Could not list the instances", explainCall(err))
}

// missingInstancesWarning is for names of instances that do not exist.
func missingInstancesWarning(names []string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("names"), "Some instances were not found",
		"RyzeAPI has no instances with these names: "+quotedList(names)+". The result leaves them out.\n\n"+
			"Check the spelling; names are case-sensitive. With a TokenInstance, only its own instance is found.")
}

// unknownStateWarning is for a connection state that no instance has, and that RyzeAPI is not known to have.
func unknownStateWarning(state string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("connection_state"),
		fmt.Sprintf("No instance has the connection state %q", state),
		"Known states are "+quotedList(connectionStates)+". There may be others.\n\nCheck the spelling.")
}

// nullNameError is for a null among the names of instances.
func nullNameError(at path.Path) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, fmt.Sprintf("Invalid %q", at),
		"One of the names is null. Give each a value, or leave it out, for example with compact().")
}

// invalidNameError is for a name among others that no instance can have.
func invalidNameError(at path.Path, name string, cause error) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, fmt.Sprintf("Invalid %q", at),
		fmt.Sprintf("The name %q %s.", name, cause))
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// missingInstanceWarning is for a planned create for an instance that does not exist.
func missingInstanceWarning(instance string, err error) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"), fmt.Sprintf("Instance %q does not exist", instance),
		explain(err)+"\n\nThe apply will fail unless the instance exists by then.")
}

// missingInstanceError is for the create of something for an instance that does not exist.
func missingInstanceError(instance string, err error) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("instance"), fmt.Sprintf("Instance %q does not exist", instance),
		explain(err))
}

// uncheckedInstancesWarning is for planned creates for instances that could not be read.
func uncheckedInstancesWarning(err error) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Not every instance of a new resource was checked for existing configuration",
		explainCall(err)+"\n\nThe apply reads each instance before it saves anything. "+
			"It will fail for what is already configured with other settings.")
}

// failedLookError is for a planned create for an instance that could not be read, for a reason for which the apply
// would fail, too.
func failedLookError(instance string, err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic(causeOf(instance, err), explainCall(err))
}

// causeOf is a summary that names the cause of a failed call.
func causeOf(instance string, err error) string {
	said, isAPI := errors.AsType[*ryzeapi.APIError](err)
	_, isRedirect := errors.AsType[*ryzeapi.RedirectError](err)
	_, isAnswer := errors.AsType[*ryzeapi.AnswerError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isAPI && said.StatusCode == http.StatusUnauthorized:
		return "RyzeAPI does not accept the token"
	case isAPI && said.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("The token may not access instance %q", instance)
	case isRedirect:
		return `The provider's "endpoint" redirects to another address`
	case isAnswer:
		return `Another server than RyzeAPI answers at the provider's "endpoint"`
	case isCertificate:
		return "The certificate of RyzeAPI's server is not trusted"
	case isDNS:
		return fmt.Sprintf("There is no host %q", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "RyzeAPI's server refuses the connection"
	default:
		return "Could not agree on a secure connection with RyzeAPI's server"
	}
}

// existingObjectError is for the create of a resource for an object that is enabled with other settings, which are
// said in a sentence.
func existingObjectError(o object, settings string, disables bool) diag.Diagnostic {
	effect := "replace"
	if disables {
		effect = "delete"
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("instance"),
		fmt.Sprintf("Instance %q already has %s", o.instance, o.article+o.title()),
		fmt.Sprintf("%s Creating this resource would %s that configuration%s.\n\n", settings, effect, o.wouldLose())+
			importInstead(o)+
			fmt.Sprintf("\n\nTo %s it on purpose, set \"overwrite\" to true.", effect))
}

// replacesObjectWarning is for a create that may overwrite an existing object, and does.
func replacesObjectWarning(o object, settings string, disables bool) diag.Diagnostic {
	effect := "replaces"
	if disables {
		effect = "deletes"
	}
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		fmt.Sprintf("This %s the existing %s of instance %q", effect, o.title(), o.instance),
		fmt.Sprintf("%s With \"overwrite\", creating this resource %s that configuration.%s\n\n",
			settings, effect, o.loses())+
			importInstead(o))
}

// loses says what is lost if an object is replaced.
func (k *kind) loses() string {
	if k.hidden == "" {
		return ""
	}
	return fmt.Sprintf(" Its %s cannot be recovered afterwards, because RyzeAPI never reveals it.", k.hidden)
}

// wouldLose is [kind.loses] within a sentence about what would be.
func (k *kind) wouldLose() string {
	if k.hidden == "" {
		return ""
	}
	return fmt.Sprintf(", and its %s could not be recovered, because RyzeAPI never reveals it", k.hidden)
}

// importInstead says how to keep what exists.
func importInstead(o object) string {
	return fmt.Sprintf("To keep that %s, import it under the address shown above:\n\n", o.name) +
		fmt.Sprintf("  import {\n    to = %s\n    id = %s\n  }", o.address("NAME"), hclString(o.id()))
}

func describeStorage(s3 ryzeapi.S3) string {
	where := "AWS"
	if s3.Endpoint != "" {
		where = strconv.Quote(s3.Endpoint)
	} else if s3.Region != "" {
		where = fmt.Sprintf("AWS, region %q", s3.Region)
	}
	return fmt.Sprintf("It stores its media in the bucket %q (%s) with the access key %q.", s3.Bucket, where, s3.AccessKey)
}

// replacedWithChangesWarning is for a plan that replaces a resource and gives its object other settings.
func replacedWithChangesWarning(o object, settings string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		fmt.Sprintf("The resource for %s is replaced, and so are its settings", o),
		settings+" A resource in the state manages that. This plan replaces the resource, and saves other settings.\n\n"+
			"If the resource has create_before_destroy, the apply will stop before it saves anything, because by then it "+
			"cannot tell this configuration from one that somebody else has set up. In that case, set \"overwrite\" to true.")
}

// duplicateResourceError is for two resources that would manage one object. Terraform adds the address of the one that
// was planned second. The provider does not know that of the other, but the CLI prints it.
func duplicateResourceError(o object) diag.Diagnostic {
	same := fmt.Sprintf("instance %q", o.instance)
	if o.label != "" {
		same += fmt.Sprintf(" and label %q", o.label)
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("instance"),
		"Two resources manage "+o.String(),
		"Two resources for one configuration would overwrite each other on every apply.\n\n"+
			fmt.Sprintf("This error shows the address of one. The other is the %s with %s in the planned actions above or, "+
				"if it does not change, in what \"terraform show\" prints.\n\n", o.resource, same)+
			"Remove one of the two, or give it another instance. If both are already in the state, the destroy of one may "+
			fmt.Sprintf("%s what the other has saved; a second apply saves it again.", o.undo()))
}

// renamedResourceWarning is for a plan that destroys the resource of an object and creates another.
func renamedResourceWarning(o object) diag.Diagnostic {
	loss := ""
	if o.deletes != "" {
		loss = ", without its " + o.deletes
	}
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		fmt.Sprintf("The resource for %s is renamed without a moved block", o),
		"This plan destroys the resource in the state, and creates another one for the same instance. "+
			fmt.Sprintf("If the create fails, %s may be left %s%s.\n\n", o, o.undone(), loss)+
			"If you renamed the resource, say so with a moved block, and nothing is destroyed:\n\n"+
			fmt.Sprintf("  moved {\n    from = %s\n    to   = %s\n  }", o.address("OLD"), o.address("NEW")))
}

// deletesWarning is for a change that disables an object, and so deletes what cannot be recovered.
func deletesWarning(o object) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		fmt.Sprintf("RyzeAPI will delete the %s of instance %q", o.deletes, o.instance),
		fmt.Sprintf("This change disables %s, and RyzeAPI then deletes its configuration, including the secret.", o))
}

// otherInstanceError is for a change or a destroy of the object of an instance that only has the name of the one that
// the resource has managed.
func otherInstanceError(o object, ids instanceIDs, settings string, destroys bool) diag.Diagnostic {
	effect, advice := "replace", `To replace it on purpose, set "overwrite" to true.`
	switch {
	case destroys:
		effect, advice = "delete", "To forget the resource and leave that configuration alone, use a removed block with "+
			`"destroy = false", or "terraform state rm".`
	case o.undo() == reset: // it has no such argument
		advice = `To replace it on purpose, forget the resource with "terraform state rm"; the next apply creates it again.`
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("instance"),
		fmt.Sprintf("Instance %q is not the one that this resource has managed", o.instance),
		fmt.Sprintf("RyzeAPI now lists the name with the ID %q; the instance that this resource has managed has the ID %q. "+
			"Either the token is that of another account, or the instance was deleted and created again.\n\n",
			ids.Found, ids.Managed)+
			fmt.Sprintf("%s This plan would %s that configuration%s.\n\n", settings, effect, o.wouldLose())+
			"Check the provider's token first. "+advice)
}

// savedAgainWarning is for an object that a planned destroy may disable, and that is saved again in the same apply.
func savedAgainWarning(o object) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		o.atStart()+" is saved again if a destroy disables it",
		fmt.Sprintf("The state has two resources for the %s, and this plan destroys one of them. Destroying that resource "+
			"may disable the %s. If it does, the same apply saves it again, which is why the plan shows %s as known after "+
			"apply.", o.name, o.name, o.leftOut()))
}

// applyAgainWarning is for an object that a planned destroy disables, and that cannot be saved again in the same apply.
func applyAgainWarning(o object) diag.Diagnostic {
	possible := "\n\nThe same apply could do that if " + o.leftOut() + " were left out."
	switch {
	case o.secret != "":
		possible = fmt.Sprintf("\n\nThe same apply could do that if %q had a value, and %s were left out.",
			o.secret, o.leftOut())
	case o.undo() == reset: // nothing could be left out
		possible = ""
	}
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		o.atStart()+" will be "+o.undone()+" until the next apply",
		fmt.Sprintf("The state has two resources for the %s, and this plan destroys one of them, which will %s the %s. "+
			"Apply a second time afterwards, which saves the %s again.", o.name, o.undo(), o.name, o.name)+possible)
}

// leftOut names the arguments that the provider sets if the configuration leaves them out.
func (k *kind) leftOut() string {
	if k.version == "" {
		return `"enabled"`
	}
	return fmt.Sprintf(`%q or "enabled"`, k.version)
}

// hclString returns a text as a string of the configuration language.
func hclString(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}

// explain says what one of the client's errors means, its likely cause, and what to do.
func explain(err error) string {
	if said, ok := errors.AsType[*ryzeapi.APIError](err); ok {
		return ryzeAPIAnswered(said) + adviceForStatus(said.StatusCode)
	}
	if answer, ok := errors.AsType[*ryzeapi.AnswerError](err); ok {
		return explainAnswer(answer)
	}
	if redirect, ok := errors.AsType[*ryzeapi.RedirectError](err); ok {
		return "The server answered with a redirect: " + redirect.Error() + ".\n\n" +
			"The provider did not follow it, because that would send the token along. If RyzeAPI has moved, set the " +
			`provider's "endpoint" (or ` + endpointVariable + ") to the new address. " +
			"Often the endpoint only needs https:// instead of http://."
	}
	if timeout, ok := errors.AsType[*ryzeapi.TimeoutError](err); ok {
		return "There was " + timeout.Error() + ".\n\n" +
			`RyzeAPI or the network is slow or down. Try again later, or raise the provider's "request_timeout".`
	}
	switch {
	case errors.Is(err, ryzeapi.ErrWouldWait):
		return "The token's rate limit has no room for reads that only inform, and the plan does not wait for it."
	case errors.Is(err, context.Canceled):
		return "The run was cancelled before RyzeAPI answered."
	case errors.Is(err, context.DeadlineExceeded):
		return "The time for this operation ran out.\n\n" +
			`Try again later, or give the resource more time with "timeouts".`
	}
	return explainNetwork(err)
}

func ryzeAPIAnswered(said *ryzeapi.APIError) string {
	return "RyzeAPI answered " + strings.TrimSuffix(said.Error(), ".") + ".\n\n"
}

// explainWait says what a request was waiting for.
func explainWait(waited *ryzeapi.RateLimitError) string {
	if waited.Own {
		return `The request was waiting for its turn under the provider's "requests_per_minute". ` +
			"Raise that, or allow more time."
	}
	if waited.Creates {
		return "The request was waiting for RyzeAPI's limit of new instances, which is used up until " +
			waited.Until.Format("15:04:05 MST") + ". Apply again, or allow more time: RyzeAPI creates 20 instances a minute, " +
			"unless it has raised your limit."
	}
	return "The request was waiting for the rate limit of the token, which is used up until " +
		waited.Until.Format("15:04:05 MST") + ", by this run or by others with the same token. " +
		"Let the others finish first, or ask RyzeAPI for a higher limit."
}

func adviceForStatus(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return `The token is mistyped, revoked, or for another server. Set the provider's "token" (or ` + tokenVariable +
			") to a valid TokenAccount or TokenInstance, and check that the endpoint is the server that issued it."
	case status == http.StatusForbidden:
		return "The token is valid, but not allowed to do this. A TokenInstance can access only its own instance: " +
			"use the one of this instance, or a TokenAccount."
	case status == http.StatusNotFound:
		return "The token's account has no instance with this name; names are case-sensitive. " +
			`Correct "instance", or create the instance first, with a ryzeapi_instance.`
	case status == http.StatusTooManyRequests:
		return "The token's rate limit was still used up after all retries, by this run or by others with the same token, " +
			"and RyzeAPI did not say for how long. Run again in a minute, set the provider's " +
			`"requests_per_minute", or ask RyzeAPI for a higher limit.`
	case status >= http.StatusInternalServerError:
		return "The problem is on RyzeAPI's side. Run again later; if it persists, send this message to RyzeAPI's support."
	case status >= http.StatusBadRequest:
		return "RyzeAPI rejected the request. Check the values of this resource against RyzeAPI's message."
	default:
		return "RyzeAPI reported a failure with a success status. " +
			"Run again; if it persists, send this message to RyzeAPI's support."
	}
}

func explainAnswer(answer *ryzeapi.AnswerError) string {
	detail := "The answer could not be used (" + answer.Error() + ").\n\n"
	switch {
	case answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests:
		return detail + "A proxy or load balancer in front of RyzeAPI answered instead. " +
			"Run again later; if it persists, check the proxies between this machine and RyzeAPI."
	case answer.StatusCode < 300 && !answer.HTML:
		return detail + `The answer was damaged on the way, or the provider's "endpoint" (or ` + endpointVariable +
			") is not RyzeAPI's base URL. Run again; if it persists, check the endpoint, then whether a newer release " +
			"of this provider understands the answer."
	default:
		return detail + `Another server answered instead of RyzeAPI. Check that the provider's "endpoint" (or ` +
			endpointVariable + ") is RyzeAPI's base URL, without /api, and that no proxy or sign-in page is in between."
	}
}

// explainNetwork says why there was no answer at all.
func explainNetwork(err error) string {
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "The server's certificate is not trusted: " + certificate.Err.Error() + ".\n\n" +
			"Check the host in the endpoint. If the server uses a private certificate authority, give the provider its " +
			`certificate with "ca_cert_file" or "ca_cert_pem".`
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("The host %q could not be looked up: %s.\n\n", dns.Name, dns.Err) +
			`Check the host in the provider's "endpoint" (or ` + endpointVariable + "), and this machine's DNS."
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "The server does not speak TLS: " + err.Error() + ".\n\n" +
			`Check the scheme (http or https) and the port in the provider's "endpoint".`
	}
	if strings.Contains(err.Error(), "tls: ") { // net/http has no type for it
		return "Could not agree on a secure connection with the server: " + err.Error() + ".\n\n" +
			"The provider requires TLS 1.2 or newer. Check the endpoint, and which versions of TLS the server, or the proxy " +
			"in front of it, supports."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "The connection was closed before the answer was complete: " + err.Error() + ".\n\n" +
			"RyzeAPI, or a proxy or firewall in between, closed it. Run again; if it persists, look for the cause there."
	}
	return "There was no answer: " + err.Error() + ".\n\n" +
		`RyzeAPI cannot be reached from this machine. Check the network, any firewall, HTTPS_PROXY, and the provider's ` +
		`"endpoint" (or ` + endpointVariable + ")."
}

// invalidValueError is for a value that its validator rejects. The cause completes "The value ...", without the value.
func invalidValueError(at path.Path, cause error, secret bool) diag.Diagnostic {
	summary, detail := fmt.Sprintf("Invalid %q", at), "The value "+cause.Error()+"."
	if secret {
		return diag.NewErrorDiagnostic(summary, detail)
	}
	return diag.NewAttributeErrorDiagnostic(at, summary, detail)
}

// missingFieldError is for a field that is required while the storage is enabled.
func missingFieldError(name, why string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), fmt.Sprintf("Missing %q", name), why)
}

// emptySecretError is for a secret that is set to "".
func (k *kind) emptySecretError() diag.Diagnostic {
	return diag.NewErrorDiagnostic(fmt.Sprintf("Missing %q", k.secret),
		fmt.Sprintf("%q is empty. Every write sends the whole configuration, and would leave the %s without a secret.\n\n",
			k.secret, k.name)+
			"Check where the value comes from; often an environment variable (TF_VAR_...) is not set.\n\n"+
			"To destroy the resource without its secret, set it to null, and run the destroy with -refresh=false.")
}

// emptyOptionalSecretError is for a secret that may be left out, and is set to "".
func (k *kind) emptyOptionalSecretError() diag.Diagnostic {
	return diag.NewErrorDiagnostic(fmt.Sprintf("Empty %q", k.secret),
		fmt.Sprintf("%q is empty. For a %s without one, leave it out or set it to null.\n\n", k.secret, k.name)+
			"Check where the value comes from; often an environment variable (TF_VAR_...) is not set.")
}

// missingSecretOfVersionError is for the version of a secret that has no value.
func (k *kind) missingSecretOfVersionError() diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(k.version), fmt.Sprintf("Missing %q", k.secret),
		fmt.Sprintf("%q is the version of %q, which has no value. Set both, or neither.", k.version, k.secret))
}

// changedSecretError is for a secret that RyzeAPI did not save as sent, as far as its answer shows.
func changedSecretError(o object) diag.Diagnostic {
	return diag.NewErrorDiagnostic(
		fmt.Sprintf("RyzeAPI did not save %q of instance %q as sent", o.secret, o.instance),
		"Either it was sent, and RyzeAPI's answer has none, or the other way round.\n\n"+
			"Run again; if it persists, report this to RyzeAPI's support.")
}

// tooManyWebhooksWarning is for a new webhook of an instance that would have more enabled ones than it can have.
func tooManyWebhooksWarning(o object, number int) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("enabled"),
		fmt.Sprintf("Instance %q would have %d enabled webhooks", o.instance, number),
		fmt.Sprintf("An instance can have at most %d. RyzeAPI will refuse one more unless another is disabled first.",
			ryzeapi.MaxWebhooks))
}

// changesSettingsWarning is for the create of a resource that changes settings that are not the defaults.
func changesSettingsWarning(o object, changes []string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"),
		fmt.Sprintf("This changes the settings of instance %q", o.instance),
		"These settings differ from the defaults, and your configuration has others:\n\n  "+
			strings.Join(changes, "\n  ")+"\n\n"+
			"To keep a setting, add it to the configuration.")
}

// waitsForReconnectWarning is for a changed proxy that the instance does not use yet.
func waitsForReconnectWarning(o object) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("reconnect"),
		"A changed proxy is used from the next connect", // without the instance, so that the CLI shows one for all
		fmt.Sprintf("Instance %q uses its changed proxy the next time it connects. To make the apply reconnect the "+
			"instance, set \"reconnect\" to true.", o.instance))
}

// removesPasswordWarning is for the change of an imported proxy without a password: RyzeAPI does not say if it has one.
func removesPasswordWarning(o object) diag.Diagnostic {
	return diag.NewWarningDiagnostic(fmt.Sprintf("This may remove the password of %s", o),
		"The proxy was imported, and RyzeAPI never reveals whether it has a password. Every write sends the whole "+
			"configuration, so without \"password\", this change saves the proxy without one.\n\n"+
			"If the proxy needs a password, set \"password\".")
}

// keepsRemovedProxyWarning is for a proxy that was removed, and that the instance still uses.
func keepsRemovedProxyWarning(o object) diag.Diagnostic {
	return diag.NewWarningDiagnostic("A removed proxy is used until the next connect",
		fmt.Sprintf("Instance %q uses the removed proxy until it connects the next time. To end that now, reconnect it in "+
			"RyzeAPI.", o.instance))
}

// failedReconnectWarning is for an instance that could not be made to reconnect.
func failedReconnectWarning(o object, err error) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("reconnect"),
		fmt.Sprintf("Could not reconnect instance %q", o.instance),
		explainCall(err)+"\n\nThe proxy is saved. The instance uses it the next time it connects.")
}

// plainWebhookWarning is for a webhook whose deliveries cross the network in clear.
func plainWebhookWarning(o object) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("url"),
		"Webhook deliveries are not encrypted", // without the instance, so that the CLI shows one warning for all
		fmt.Sprintf("For %s, RyzeAPI will send messages, the authorization and the instance's own token to an http:// URL, "+
			"readable by anyone on the network path. Use an https:// URL.", o))
}

// invalidTimeoutError is for a timeout that is zero or negative.
func invalidTimeoutError(at path.Path) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, "Invalid timeout",
		"A timeout must be a positive duration, such as 90s or 15m.")
}

// missingSecretError is for a configuration that is about to be sent without its secret.
func (k *kind) missingSecretError() diag.Diagnostic {
	return diag.NewErrorDiagnostic(fmt.Sprintf("Missing %q", k.secret),
		fmt.Sprintf("This plan changes what RyzeAPI has stored, which requires %q: every write sends ", k.secret)+
			"the whole configuration, and RyzeAPI never reveals the stored secret.\n\n"+
			fmt.Sprintf("Set %q from an ephemeral variable or an ephemeral resource. ", k.secret)+
			"It is write-only: Terraform never writes it to state or plan files. If it is set, remove it from ignore_changes, "+
			"which hides it from the provider.\n\n"+
			"To destroy the resource without its secret, run the destroy with -refresh=false, or remove the resource from the "+
			"configuration and apply.")
}

// maskedAccessKeyError is for an access key that was copied from one of RyzeAPI's answers.
func maskedAccessKeyError() diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("access_key"), `Masked "access_key"`,
		"This is an access key as RyzeAPI shows it, with a part hidden. It must not be sent back. "+
			`Set "access_key" to the whole key.`)
}

// changedFieldError is for a field that RyzeAPI did not save as sent.
func changedFieldError(o object, name, sent, saved string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name),
		fmt.Sprintf("RyzeAPI did not save %q of instance %q as sent", name, o.instance),
		fmt.Sprintf("Sent: %q\nSaved: %q\n\n", sent, saved)+
			fmt.Sprintf("RyzeAPI saved %s with that difference, which may not work as you expect. ", o)+
			fmt.Sprintf("If the saved value is right, set %q to it; otherwise, report this to RyzeAPI's support. ", name)+
			"The next apply sends the whole configuration again.")
}

// unchangedEnabledError is for an object that RyzeAPI did not enable or disable as requested.
func unchangedEnabledError(o object, sent bool) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("enabled"),
		fmt.Sprintf("RyzeAPI did not save \"enabled\" of instance %q as sent", o.instance),
		fmt.Sprintf("Sent: %t\nSaved: %t\n\n", sent, !sent)+"Run again; if it persists, report this to RyzeAPI's support.")
}

// taintedWarning accompanies the error of a create that saved the object, or may have.
func taintedWarning(o object) diag.Diagnostic {
	return diag.NewWarningDiagnostic(fmt.Sprintf("The resource for %s is marked as tainted", o),
		fmt.Sprintf("The %s may have been saved despite the error, so Terraform keeps the resource, and a destroy will "+
			"find it. The next apply replaces the resource: the %s will first be %s, and then saved again. To only save it "+
			`again, remove the mark first with "terraform untaint".`, o.name, o.name, o.undone()))
}

// leftEnabledWarning is for a destroyed resource whose object another resource has saved in the same run.
func leftEnabledWarning(o object) diag.Diagnostic {
	return diag.NewWarningDiagnostic(fmt.Sprintf("Did not %s %s", o.undo(), o),
		fmt.Sprintf("A resource for this instance was destroyed, but another resource manages the %s, or has saved a "+
			"configuration in the same run. Nothing was changed.\n\n", o.name)+
			"If you renamed the resource, a moved block would have avoided this.")
}

// invalidImportIDError is for an import ID that cannot be the name of an instance.
func invalidImportIDError(cause error) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Invalid import ID",
		"The import ID must be the name of an instance, but this one "+cause.Error()+".")
}

// invalidImportLabelError is for an import ID whose part after the slash cannot be the label of a webhook.
func invalidImportLabelError(cause error) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Invalid import ID",
		`The import ID must be the name of an instance, or "instance/label", but the label `+cause.Error()+".")
}

// otherSourceError is for a move from a resource of another provider that manages an object of another kind.
func otherSourceError(from source, to *kind, found object) diag.Diagnostic {
	return failedMoveError(from, to, fmt.Sprintf("The paths in its state are those of %s, and a %s manages %s.\n\n",
		found, to.resource, to.article+to.name)+
		fmt.Sprintf("In the moved block, set \"to\" to a %s.", found.resource))
}

// untoldSourceError is for a move from a resource of another provider whose paths are those of no object that a move
// can take over, or of several.
func untoldSourceError(from source, to *kind, paths []string, found []object) diag.Diagnostic {
	detail := "The paths in its state are " + quotedList(paths) + ". "
	if len(paths) == 0 {
		detail = "Its state has no path. "
	}
	if len(found) > 1 {
		detail += "They belong to several objects"
		for i, o := range found {
			detail += []string{": ", ", "}[min(i, 1)] + o.String()
		}
		detail += ".\n\n"
	} else {
		write, read := createPath, deletePath
		if to != wholeInstance {
			write, read = pathsOf(to)
			write += "INSTANCE"
		}
		detail += fmt.Sprintf("A %s takes over %s, whose paths are %s and %sINSTANCE.\n\n",
			to.resource, to.article+to.name, write, read)
	}
	return failedMoveError(from, to, detail+importAfterMove(from, object{kind: to, instance: "INSTANCE"}))
}

// unnamedSourceError is for a move from a resource of another provider that creates an instance, and whose state does
// not have its name.
func unnamedSourceError(from source, to *kind) diag.Diagnostic {
	return failedMoveError(from, to, "It creates an instance, and its state does not tell the name of the instance.\n\n"+
		importAfterMove(from, object{kind: wholeInstance, instance: "INSTANCE"}))
}

// unlabelledSourceError is for a move from a resource of another provider for one of the webhooks of an instance.
func unlabelledSourceError(from source, found object) diag.Diagnostic {
	found.label = "LABEL"
	return failedMoveError(from, found.kind,
		fmt.Sprintf("It manages a webhook of instance %q, and its state does not tell the label of the webhook.\n\n",
			found.instance)+importAfterMove(from, found))
}

// unreadableSourceError is for a move from a resource of another provider whose state is not a JSON object.
func unreadableSourceError(from source, to *kind) diag.Diagnostic {
	return failedMoveError(from, to, "Its state could not be read.\n\n"+
		importAfterMove(from, object{kind: to, instance: "INSTANCE"}))
}

// failedMoveError is for a move from a resource of another provider. The detail never contains its state, which may
// have secrets.
func failedMoveError(from source, to *kind, detail string) diag.Diagnostic {
	return diag.NewErrorDiagnostic(fmt.Sprintf("Could not move a %s to a %s", from.resource, to.resource), detail)
}

// importAfterMove says how to take an object over if a moved block cannot.
func importAfterMove(from source, o object) string {
	return "Remove the moved block. Import it instead, and forget the resource that has managed it:\n\n" +
		fmt.Sprintf("  import {\n    to = %s\n    id = %s\n  }\n\n", o.address("NAME"), hclString(o.id())) +
		fmt.Sprintf("  removed {\n    from = %s.NAME\n    lifecycle {\n      destroy = false\n    }\n  }", from.resource)
}

// privateStateError is for a value that cannot be encoded, which cannot happen unless the provider has a bug.
func privateStateError(err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Could not write the private state", err.Error())
}
