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

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// Every diagnostic of the provider is made here. Its summary says what could not be done, and to what; its detail says what is known, the
// likely cause, and what to do next.

// unknownSetting is the error for a provider argument whose value is known only after an apply.
func unknownSetting(name string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), "Unknown provider "+name,
		"The provider cannot be configured: the value of "+name+" is known only after an apply.\n\n"+
			"Apply what it depends on first, with the -target option, or take the value from a variable or from the environment.")
}

// invalidSetting is the error for a provider setting that is malformed. The cause must not contain the value.
func invalidSetting(name, source string, cause error) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), "Invalid provider "+name, source+" "+cause.Error()+".")
}

// missingToken is the error for a provider without a token.
func missingToken() diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("token"), "Missing RyzeAPI token",
		"The provider needs a token to call RyzeAPI. Set the environment variable "+tokenVariable+", or token in the provider's configuration, "+
			"to a TokenAccount (which reaches every instance of the account) or to a TokenInstance (which reaches its own instance).")
}

// plainHTTP is the warning for an endpoint that would send the token and the secrets in clear.
func plainHTTP(host string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("endpoint"), "RyzeAPI is called without encryption",
		"The endpoint is http://"+host+": the token and every S3 secret cross the network in clear, readable by all who carry them. Use an https:// endpoint.")
}

// operation is what a resource was doing when a call failed, as its diagnostics name it.
type operation string

const (
	saving    operation = "save"
	reading   operation = "read"
	disabling operation = "disable"
)

// callFailed is the error for a call to RyzeAPI that failed.
func callFailed(doing operation, instance string, err error) diag.Diagnostic {
	summary := fmt.Sprintf("Could not %s the S3 storage of instance %q", doing, instance)
	detail := explainCall(err)
	if ryzeapi.IsInstanceMissing(err) {
		return diag.NewAttributeErrorDiagnostic(path.Root("instance"), summary, detail)
	}
	return diag.NewErrorDiagnostic(summary, detail)
}

// explainCall is explain for a whole call: with its last attempt, how many there were, and whether it may have taken effect.
func explainCall(err error) string {
	detail := explain(err)
	if call, ok := errors.AsType[*ryzeapi.CallError](err); ok {
		if waited, ok := errors.AsType[*ryzeapi.RateLimitError](call.Last); ok {
			detail += "\n\n" + explainWait(waited)
		} else if call.Last != nil {
			detail += "\n\nThe last attempt failed: " + explain(call.Last)
		}
		if call.Attempts > 1 {
			detail += fmt.Sprintf("\n\nThe request was tried %d times.", call.Attempts)
		}
	}
	if ryzeapi.MayHaveTakenEffect(err) {
		detail += "\n\nRyzeAPI may have carried out the request all the same. Run the same command again: it sends everything anew."
	}
	return detail
}

// listFailed is the error for a list of the instances that failed.
func listFailed(err error) diag.Diagnostic {
	said, ok := errors.AsType[*ryzeapi.APIError](err)
	if ok && (said.StatusCode == http.StatusForbidden || said.StatusCode == http.StatusNotFound) {
		return diag.NewErrorDiagnostic("Could not list the instances", "RyzeAPI answered "+strings.TrimSuffix(said.Error(), ".")+".\n\n"+
			"Check that the token is a TokenAccount with instances.")
	}
	return diag.NewErrorDiagnostic("Could not list the instances", explainCall(err))
}

// instancesMissing is the warning for names that were looked for in vain.
func instancesMissing(names []string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("names"), "Some instances do not exist",
		"RyzeAPI has no instance with the name "+quotedList(names)+". They are left out.\n\n"+
			"Check the spelling; names are case-sensitive. With a TokenInstance, only its own instance is there.")
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// noInstance is the warning for a resource that is to be created for an instance that does not exist.
func noInstance(instance string, err error) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"), fmt.Sprintf("There is no instance %q", instance),
		explain(err)+"\n\nThe apply will fail if this stays so.")
}

// notSeen is the warning for resources that are to be created for instances that could not be looked at.
func notSeen(err error) diag.Diagnostic {
	return diag.NewWarningDiagnostic("The instances of new resources could not be looked at",
		explainCall(err)+"\n\nWhether this plan would replace a storage that is there, is not known. The apply will fail if RyzeAPI stays like this.")
}

// replaced is the warning for a resource that is to be created for an instance whose storage is enabled with other settings.
func replaced(instance string, s3 ryzeapi.S3, disables bool) diag.Diagnostic {
	where := "AWS"
	if s3.Endpoint != "" {
		where = strconv.Quote(s3.Endpoint)
	} else if s3.Region != "" {
		where = fmt.Sprintf("AWS, region %q", s3.Region)
	}
	fate := "replaces"
	if disables {
		fate = "disables and deletes"
	}
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"), fmt.Sprintf("Instance %q has an S3 storage already", instance),
		fmt.Sprintf("It stores its media in the bucket %q (%s) by the access key %q. This plan %s that storage. Its secret cannot be recovered afterwards, since RyzeAPI "+
			"never gives it back.\n\n", s3.Bucket, where, s3.AccessKey, fate)+
			"If the storage is to stay, import it, under the address that is shown here:\n\n"+
			fmt.Sprintf("  import {\n    to = ryzeapi_instance_s3.NAME\n    id = %s\n  }", hclString(instance)))
}

// managedAlready is the warning for a resource that is to be created for an instance of another one, as far as can be known.
func managedAlready(instance string) diag.Diagnostic {
	return diag.NewAttributeWarningDiagnostic(path.Root("instance"), fmt.Sprintf("Instance %q has a resource already", instance),
		"An instance has one storage, and a resource in the state has saved it with other settings. Two resources for one instance overwrite each other with every apply.\n\n"+
			"If this plan replaces that resource, all is well. Otherwise remove one of the two, or give it another instance.")
}

// hclString is a text as the configuration language writes it.
func hclString(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}

// explain says what an error of the client's means, the likely cause, and what to do.
func explain(err error) string {
	if said, ok := errors.AsType[*ryzeapi.APIError](err); ok {
		return "RyzeAPI answered " + strings.TrimSuffix(said.Error(), ".") + ".\n\n" + adviceForStatus(said.StatusCode)
	}
	if answer, ok := errors.AsType[*ryzeapi.AnswerError](err); ok {
		return explainAnswer(answer)
	}
	if redirect, ok := errors.AsType[*ryzeapi.RedirectError](err); ok {
		return "The server answered with a redirect: " + redirect.Error() + ".\n\n" +
			"It was not followed, since the token would have been sent along. If RyzeAPI has moved there, set the provider's endpoint " +
			"(or " + endpointVariable + ") to that address; often it is http:// that should be https://."
	}
	if timeout, ok := errors.AsType[*ryzeapi.TimeoutError](err); ok {
		return "There was " + timeout.Error() + ".\n\n" +
			"RyzeAPI or the network is slow or down. Try again later, or give the provider a longer request_timeout."
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "The run was cancelled before RyzeAPI answered."
	case errors.Is(err, context.DeadlineExceeded):
		return "The time for this operation ran out.\n\nTry again later, or allow a resource more time by timeouts."
	}
	return explainNetwork(err)
}

// explainWait says what a request was waiting for.
func explainWait(waited *ryzeapi.RateLimitError) string {
	if waited.Own {
		return "The request was waiting for its turn: the provider's requests_per_minute lets through no more. Raise it, or allow more time."
	}
	return "The request was waiting for the rate limit of the token, which is used up until " + waited.Until.Format("15:04:05 MST") +
		", by this run or by others with the same token. Let the others finish first, or ask RyzeAPI for a higher limit."
}

func adviceForStatus(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "The token is mistyped, was revoked, or belongs to another server. Set the provider's token (or " + tokenVariable + ") to a valid " +
			"TokenAccount or TokenInstance, and check that the endpoint is the one that it is for."
	case status == http.StatusForbidden:
		return "The token is valid, but may not do this. A TokenInstance opens its own instance only: use the one of this instance, or a TokenAccount."
	case status == http.StatusNotFound:
		return "No instance of the token's account has this name; upper and lower case count. Correct the instance argument, or create the instance in RyzeAPI first."
	case status == http.StatusTooManyRequests:
		return "The token's rate limit was still used up after the retries, by this run or by others with the same token, and the answers do not say for how long. " +
			"Run again in a minute, set the provider's requests_per_minute, or ask RyzeAPI for a higher limit."
	case status >= http.StatusInternalServerError:
		return "The fault is on RyzeAPI's side. Run again later; if it stays, tell RyzeAPI's support this message."
	case status >= http.StatusBadRequest:
		return "RyzeAPI refused the request as it stands. Check the values of this resource against the message."
	default:
		return "RyzeAPI reported a failure with a status that says success. Run again; if it stays, tell RyzeAPI's support this message."
	}
}

func explainAnswer(answer *ryzeapi.AnswerError) string {
	detail := "The answer could not be used (" + answer.Error() + ").\n\n"
	switch {
	case answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests:
		return detail + "A proxy or load balancer in front of RyzeAPI answered in its place. Run again later; " +
			"if it stays, check the proxies between here and RyzeAPI."
	case answer.StatusCode < 300 && !answer.HTML:
		return detail + "The answer was damaged on its way, or the provider's endpoint (or " + endpointVariable + ") is not RyzeAPI's base URL. " +
			"Run again; if it stays, check the endpoint, then whether a newer release of this provider knows the answer."
	default:
		return detail + "Another server answered in its place: check that the provider's endpoint (or " + endpointVariable + ") is RyzeAPI's base URL, " +
			"without /api, and that no proxy or sign-in page is in between."
	}
}

// explainNetwork says why there was no answer at all.
func explainNetwork(err error) string {
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "The server's certificate is not to be trusted: " + certificate.Err.Error() + ".\n\n" +
			"Check the host in the endpoint. If the server uses a private certificate authority, give its certificate to the provider by ca_cert_file or ca_cert_pem."
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("The host %q could not be looked up: %s.\n\n", dns.Name, dns.Err) +
			"Check the host in the provider's endpoint (or " + endpointVariable + "), and this machine's DNS."
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return "The server does not speak TLS: " + err.Error() + ".\n\nCheck the scheme (http or https) and the port in the provider's endpoint."
	}
	if strings.Contains(err.Error(), "tls: ") { // net/http has no type for it
		return "No secure connection could be agreed on with the server: " + err.Error() + ".\n\n" +
			"The provider speaks TLS 1.2 and newer. Check the endpoint, and what TLS the server, or the proxy in front of it, offers."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "The connection was closed before the answer was complete: " + err.Error() + ".\n\n" +
			"RyzeAPI, or a proxy or firewall in between, has cut it. Run again; if it stays, look there."
	}
	return "There was no answer: " + err.Error() + ".\n\n" +
		"RyzeAPI cannot be reached from here. Check the network, a firewall or HTTPS_PROXY, and the provider's endpoint (or " + endpointVariable + ")."
}

// missingField is the error for a field without which a storage that is enabled cannot work.
func missingField(name, why string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), "Missing "+name, why)
}

// emptySecret is the error for a secret that is there, but empty.
func emptySecret() diag.Diagnostic {
	return missingField("secret_key", "secret_key is empty. Every write sends the whole configuration, and would leave the storage without a secret.\n\n"+
		"Check where the value comes from; often it is an environment variable (TF_VAR_...) that is not set.")
}

// notPositive is the error for a timeout of no time at all.
func notPositive(at path.Path) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, "Invalid timeout", "A timeout must be a positive duration, such as 90s or 15m.")
}

// missingSecret is the error for a configuration that is about to be sent without its secret.
func missingSecret() diag.Diagnostic {
	return missingField("secret_key", "This plan changes what RyzeAPI has, and that takes secret_key: every write sends the whole configuration, and RyzeAPI never "+
		"gives the stored secret back.\n\n"+
		"Set secret_key, from an ephemeral variable or an ephemeral resource. It is write-only: Terraform keeps it in no state and no plan.")
}

// maskedAccessKey is the error for an access key that was copied from an answer of RyzeAPI's.
func maskedAccessKey() diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("access_key"), "Masked access_key",
		"This is how RyzeAPI shows an access key, with a part of it hidden; it must not be sent back. Set access_key to the whole key.")
}

// notKept is the error for a field that RyzeAPI did not save as it was sent.
func notKept(instance, name, sent, kept string) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root(name), fmt.Sprintf("RyzeAPI did not keep %s of instance %q", name, instance),
		fmt.Sprintf("Sent: %q\nSaved: %q\n\n", sent, kept)+
			"The configuration was saved with that difference, so media may now go to the wrong place. If the saved value is right, set "+name+" to it; "+
			"else report it to RyzeAPI's support. The next apply sends the whole configuration again.")
}

// notSwitched is the error for a storage that RyzeAPI did not enable or disable as it was told.
func notSwitched(instance string, sent bool) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("enabled"), fmt.Sprintf("RyzeAPI did not keep enabled of instance %q", instance),
		fmt.Sprintf("Sent: %t\nSaved: %t\n\n", sent, !sent)+"Run again; if it stays, report it to RyzeAPI's support.")
}

// tainted is the warning that goes with the error of a create after which the storage is, or may be, there.
func tainted(instance string) diag.Diagnostic {
	return diag.NewWarningDiagnostic(fmt.Sprintf("The S3 storage of instance %q is tracked as tainted", instance),
		"It may be there in spite of the error, so Terraform keeps the resource, and a destroy will find it. The next apply replaces it: it disables the storage, and saves it again. "+
			"To have it saved again without that, take the mark away first, with the untaint command.")
}

// leftEnabled is the warning for a resource that was destroyed, while another one of the same run has saved the storage of its instance.
func leftEnabled(instance string) diag.Diagnostic {
	return diag.NewWarningDiagnostic(fmt.Sprintf("The S3 storage of instance %q was not disabled", instance),
		"A resource for this instance was destroyed, but another one has saved its storage in the same run: the resource was renamed or replaced. "+
			"The storage stays as it was saved.\n\nIf you have renamed the resource, a moved block would have spared it the destruction.")
}

// invalidImport is the error for an import of what cannot be an instance.
func invalidImport(cause error) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Invalid import identifier", "The import identifier is the name of an instance, but this one "+cause.Error()+".")
}

// checkFound is what a check of a store has found: an error for what cannot work, a warning for what is left open, nothing for what is fine.
// The summaries name no instance, so that the CLI shows those of a fleet on one bucket as one.
func checkFound(instance, mode string, target preflight.Target, found preflight.Result) diag.Diagnostics {
	var diags diag.Diagnostics
	if attribute, problem, advice := cannotWork(target, found); found.IsDefinite() {
		diags.Append(diag.NewAttributeErrorDiagnostic(path.Root(attribute), "The S3 store does not accept "+attribute,
			problem+"\n\n"+storeSaid(found)+"\n\n"+advice+nothingSaved(instance)))
	} else if found.Reason != preflight.Fine {
		diags.Append(leftOpen(instance, mode, target, found))
	}
	if found.LeftBehind != "" {
		diags.Append(diag.NewWarningDiagnostic("An object of the preflight check could not be deleted",
			fmt.Sprintf("The check has put the empty object %q into the bucket %q, and could not delete it (%s). Delete it by hand, and allow the access key "+
				"s3:DeleteObject, or set preflight to access.", found.LeftBehind, target.Bucket, strings.TrimSuffix(found.LeftBehindWhy, "."))))
	}
	return diags
}

func nothingSaved(instance string) string {
	return fmt.Sprintf(" Nothing was saved in RyzeAPI for instance %q.", instance)
}

// cannotWork says of a definite result which attribute is at fault, what is wrong, and what to do.
func cannotWork(target preflight.Target, found preflight.Result) (attribute, problem, advice string) {
	store := "AWS"
	if target.Endpoint != "" {
		store = "The store at " + target.Endpoint
	}
	reason := found.Reason
	if reason == preflight.WrongEndpoint && found.Region != "" {
		reason = preflight.WrongRegion
	}
	switch reason { //nolint:exhaustive // the others are not definite
	case preflight.UnknownAccessKey:
		return "access_key", store + " does not know the access key " + target.AccessKey + ".",
			"Set access_key to a key of this store. One that was created moments ago may take some seconds to be known everywhere: then run again."
	case preflight.UnusableKey, preflight.TemporaryAccessKey, preflight.MalformedAccessKey:
		return "access_key", store + " does not let in the access key " + target.AccessKey + ": it is expired, disabled or temporary, or its account is not active.",
			"Set access_key and secret_key to a key pair that is active. Temporary credentials cannot be used: RyzeAPI has no field for their session token."
	case preflight.WrongSecret, preflight.WrongKeyOrSecret:
		return "secret_key", "The secret does not belong to the access key " + target.AccessKey + ".",
			"Set secret_key to the secret of this access key; see that no character was lost or added when it was copied."
	case preflight.NoSuchBucket:
		return "bucket", store + " has no bucket " + fmt.Sprintf("%q.", target.Bucket),
			"Create the bucket, which RyzeAPI does not do, or set bucket to the name of one that exists."
	case preflight.InvalidBucketName, preflight.BucketDisabled:
		return "bucket", fmt.Sprintf("%q cannot be the name of a bucket.", target.Bucket), "Set bucket to the bare name: no s3://, no path, no host."
	case preflight.WrongEndpoint, preflight.BucketInEndpoint, preflight.ConsoleEndpoint:
		return "endpoint", store + " is not the endpoint of the bucket.", "Set endpoint to the URL of the store's S3 API."
	case preflight.WrongRegion, preflight.NoSuchRegion:
		if found.Region != "" {
			return "region", fmt.Sprintf("The bucket %q is in the region %s.", target.Bucket, found.Region), fmt.Sprintf("Set region to %q.", found.Region)
		}
		return "region", fmt.Sprintf("The bucket %q is in another region.", target.Bucket), "Set region to the bucket's own."
	case preflight.WriteDenied:
		return "access_key", fmt.Sprintf("The access key %s may not put objects into the bucket %q below %q.", target.AccessKey, target.Bucket, target.PathPrefix),
			"Allow it s3:PutObject (and s3:DeleteObject) there, or use another key."
	}
	return "", "", ""
}

// leftOpen is the warning for a check that says neither that a storage works nor that it cannot.
func leftOpen(instance, mode string, target preflight.Target, found preflight.Result) diag.Diagnostic {
	summary := "An S3 storage could not be checked"
	silence := fmt.Sprintf(" Without a check, the storage of instance %q is saved as it is; preflight = \"off\" silences this.", instance)
	if found.Reason == preflight.AccessDenied && mode == preflightAccess {
		return diag.NewAttributeWarningDiagnostic(path.Root("access_key"), "An S3 storage was checked in part",
			"The access key and its secret are right, but the key may not list the bucket, so whether it may write there is open.\n\n"+storeSaid(found)+
				"\n\nRyzeAPI needs to write only. To check just that, set preflight to write.")
	}
	var problem string
	switch found.Reason { //nolint:exhaustive // those that are definite do not come here
	case preflight.WrongClock:
		problem = "The clocks of the store and of this machine are too far apart.\n\n" + storeSaid(found) + "\n\nSet this machine's clock."
	case preflight.Busy:
		problem = "The store has a fault, or is asked too much.\n\n" + storeSaid(found) + "\n\nRun again later."
	case preflight.NotS3:
		problem = "The answer is not that of an S3 store (" + strings.TrimSpace(fmt.Sprintf("%d %s", found.Status, http.StatusText(found.Status))) +
			").\n\nCheck that endpoint is the store's S3 API, not its console, and that no proxy answers in its place."
	case preflight.Untrusted:
		problem = "The store's certificate is not trusted by this machine: " + found.Message + ".\n\nRyzeAPI has to trust it as well, or it cannot store anything."
	case preflight.NoAnswer:
		problem = "The store cannot be reached from here: " + found.Message + ".\n\nThat may be as it should, if RyzeAPI can reach it: then set preflight to off."
		silence = ""
	default:
		problem = "The store refuses, for a reason that this provider does not know.\n\n" + storeSaid(found) + "\n\nCheck the storage against what the store says."
	}
	if target.Endpoint == "" {
		return diag.NewWarningDiagnostic(summary, problem+silence)
	}
	return diag.NewAttributeWarningDiagnostic(path.Root("endpoint"), summary, problem+silence)
}

func storeSaid(found preflight.Result) string {
	said := strings.TrimSuffix(strings.TrimSpace(found.Message), ".")
	if said == "" {
		return "The store says " + found.Code + "."
	}
	if found.Code == "" {
		return "The store says: " + said + "."
	}
	return "The store says " + found.Code + ": " + said + "."
}

// asWarning is an error of the apply's, as the plan shows it.
func asWarning(instance string, found diag.Diagnostic) diag.Diagnostic {
	detail := strings.TrimSuffix(found.Detail(), nothingSaved(instance))
	if found.Severity() == diag.SeverityError {
		detail += "\n\nThe apply will ask again before it saves anything, and fail if this stays so."
	}
	if at, ok := found.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeWarningDiagnostic(at.Path(), found.Summary(), detail)
	}
	return diag.NewWarningDiagnostic(found.Summary(), detail)
}
