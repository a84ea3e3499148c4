package provider

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
)

// The diagnostics of the preflight check are made here. No diagnostic about the secret points at the secret: the CLI
// prints the line that a diagnostic points at, and the secret may stand there.

// preflightDiagnostics reports the result of a preflight check: an error if the configuration cannot work, a warning if
// that is not known, nothing if it works.
func preflightDiagnostics(instance, mode string, target preflight.Target, result preflight.Result) diag.Diagnostics {
	var diags diag.Diagnostics
	if result.IsDefinite() {
		diags.Append(rejectedFieldError(instance, target, result))
	} else if result.Reason != preflight.Fine {
		diags.Append(inconclusivePreflightWarning(instance, mode, target, result))
	}
	if result.LeftBehind != "" {
		diags.Append(leftoverObjectWarning(instance, target, result))
	}
	return diags
}

// finding is what a result means: the argument at fault, "" for none, the problem, and what to do.
type finding struct{ attribute, problem, advice string }

// rejectedFieldError is for storage that cannot work, because the store rejects one of its fields.
func rejectedFieldError(instance string, target preflight.Target, result preflight.Result) diag.Diagnostic {
	f := rejection(target, result)
	detail := paragraphs(f.problem, storeSaid(result), suspected(result), f.advice+nothingSavedNote(instance))
	summary := fmt.Sprintf("The S3 store rejects %q of instance %q", f.attribute, instance)
	if f.attribute == "secret_key" {
		return diag.NewErrorDiagnostic(summary, detail)
	}
	return diag.NewAttributeErrorDiagnostic(path.Root(f.attribute), summary, detail)
}

// invalidStorageError is for a field that no store accepts, whatever its form is needed for.
func invalidStorageError(target preflight.Target, result preflight.Result) diag.Diagnostic {
	f := rejection(target, result)
	return diag.NewAttributeErrorDiagnostic(path.Root(f.attribute), fmt.Sprintf("Invalid %q", f.attribute),
		paragraphs(f.problem, f.advice))
}

func nothingSavedNote(instance string) string {
	return fmt.Sprintf(" Nothing was saved in RyzeAPI for instance %q.", instance)
}

// rejection explains a definite result.
func rejection(target preflight.Target, result preflight.Result) finding {
	store, key := storeName(target), "the access key "+target.AccessKey
	switch result.Reason { //nolint:exhaustive // the others are not definite
	case preflight.UnknownAccessKey:
		return finding{"access_key", store + " does not know " + key + ".",
			`Set "access_key" to one of this store's keys.`}
	case preflight.MalformedAccessKey:
		return finding{"access_key", capital(key) + " does not look like one of this store's.",
			`Set "access_key" to the ID of the access key, not to its secret, and check that no character was lost or ` +
				"added when it was copied."}
	case preflight.TemporaryAccessKey:
		return finding{"access_key", "The access key " + target.AccessKey + " is a temporary one: it needs a session " +
			"token, for which RyzeAPI has no field.",
			`Set "access_key" and "secret_key" to a permanent key pair, such as one of an IAM user.`}
	case preflight.UnusableKey:
		return finding{"access_key", store + " rejects " + key + ": it is expired or disabled, or its account is not active.",
			`Set "access_key" and "secret_key" to an active key pair.`}
	case preflight.WrongSecret:
		return finding{"secret_key", "The secret does not belong to " + key + ".",
			`Set "secret_key" to the secret of this access key; check that no character was lost or added when it was ` +
				"copied."}
	case preflight.WrongKeyOrSecret:
		return finding{"secret_key", store + " does not know " + key + ", or the secret does not belong to it.",
			`Set "access_key" and "secret_key" to a key pair of this store.`}
	case preflight.NoSuchBucket:
		return finding{"bucket", fmt.Sprintf("%s has no bucket %q.", store, target.Bucket),
			`Create the bucket, which RyzeAPI does not do for you, or set "bucket" to the name of an existing one.`}
	case preflight.InvalidBucketName:
		return finding{"bucket", fmt.Sprintf("%q is not a valid bucket name%s.", target.Bucket, because(result)),
			`Set "bucket" to the bare name: no s3://, no ARN, no path, no host. A path belongs in "path_prefix".`}
	case preflight.BucketDisabled:
		return finding{"bucket", fmt.Sprintf("Nobody may use the bucket %q. The name usually belongs to somebody else.",
			target.Bucket), `Check the name in "bucket".`}
	case preflight.WrongRegion:
		return wrongRegion(target, result)
	case preflight.NoSuchRegion:
		return noSuchRegion(target, result)
	case preflight.WrongEndpoint:
		return wrongEndpoint(target, result)
	case preflight.BucketInEndpoint:
		return finding{"endpoint",
			fmt.Sprintf("The endpoint %s contains a bucket: %q.", target.Endpoint, result.EndpointPart),
			fmt.Sprintf(`Remove %q from "endpoint". The name of the bucket belongs in "bucket" only.`, result.EndpointPart)}
	case preflight.ConsoleEndpoint:
		return finding{"endpoint", target.Endpoint + " is the store's console, not its S3 API.",
			`Set "endpoint" to the URL of the S3 API. It often differs by the port only.`}
	case preflight.WriteDenied:
		return finding{"access_key", fmt.Sprintf("%s may not put objects into the bucket %q with the prefix %q.",
			capital(key), target.Bucket, target.PathPrefix),
			"Grant it " + actionsToPut(result) + " there, or use another key."}
	}
	return finding{}
}

func wrongRegion(target preflight.Target, result preflight.Result) finding {
	if result.Region != "" {
		return finding{"region", fmt.Sprintf("The bucket %q is in the region %s.", target.Bucket, result.Region),
			fmt.Sprintf(`Set "region" to %q.`, result.Region)}
	}
	if result.Endpoint != "" {
		return finding{"region",
			fmt.Sprintf("The bucket %q is in a different region, at %s.", target.Bucket, result.Endpoint),
			`Set "region" to the region of that address.`}
	}
	return finding{"region", fmt.Sprintf("The bucket %q is in a different region.", target.Bucket),
		`Set "region" to the bucket's region.`}
}

func noSuchRegion(target preflight.Target, result preflight.Result) finding {
	switch {
	case target.Endpoint == "":
		return finding{"region", fmt.Sprintf("AWS has no region %q.", target.Region),
			`Set "region" to the code of a region, such as us-east-1. For another store than AWS, set "endpoint".`}
	case result.Region != "":
		return finding{"region", fmt.Sprintf("%s has no region %q.", storeName(target), target.Region),
			fmt.Sprintf(`Set "region" to %q.`, result.Region)}
	}
	return finding{"region", fmt.Sprintf("%s has no region %q.", storeName(target), target.Region),
		`Set "region" to the one that the store's documentation names.`}
}

func wrongEndpoint(target preflight.Target, result preflight.Result) finding {
	problem := fmt.Sprintf("%s does not serve the bucket %q.", storeName(target), target.Bucket)
	switch {
	case target.IsAWS() && result.Region != "":
		return finding{"endpoint", problem, fmt.Sprintf(`Remove "endpoint", which AWS does not need, and set "region" to %q.`,
			result.Region)}
	case target.IsAWS():
		return finding{"endpoint", problem, `Remove "endpoint", which AWS does not need, and set "region" to the bucket's ` +
			"region."}
	case result.Region != "":
		return finding{"endpoint", problem + " The bucket is in the region " + result.Region + ".",
			fmt.Sprintf(`Set "region" to %q, and "endpoint" to the address of that region.`, result.Region)}
	case result.Endpoint != "":
		return finding{"endpoint", problem, fmt.Sprintf(`The store names another address: %s. Set "endpoint" to it, without `+
			"the bucket's name.", result.Endpoint)}
	}
	return finding{"endpoint", problem, `Set "endpoint" to the URL of the S3 API that serves this bucket.`}
}

// inconclusivePreflightWarning is for a check that shows neither that the storage works nor that it cannot work.
func inconclusivePreflightWarning(
	instance, mode string, target preflight.Target, result preflight.Result,
) diag.Diagnostic {
	f, summary := openQuestion(target, result), fmt.Sprintf("Could not check the S3 storage of instance %q", instance)
	if f.attribute == "access_key" || f.attribute == "path_prefix" {
		summary = fmt.Sprintf("Could only partly check the S3 storage of instance %q", instance)
	}
	if result.Reason == preflight.AccessDenied && mode == preflightAccess {
		f.advice += ` RyzeAPI only needs to write: to check exactly that, set "preflight" to "write".`
	} else if result.Reason != preflight.NoAnswer {
		f.advice += fmt.Sprintf(" The storage of instance %q is saved unchecked; ", instance) +
			`to silence this warning, set "preflight" to "off".`
	}
	detail := paragraphs(f.problem, storeSaid(result), suspected(result), f.advice)
	if f.attribute == "" || f.attribute == "endpoint" && target.Endpoint == "" {
		return diag.NewWarningDiagnostic(summary, detail)
	}
	return diag.NewAttributeWarningDiagnostic(path.Root(f.attribute), summary, detail)
}

// openQuestion explains a result that is not definite.
func openQuestion(target preflight.Target, result preflight.Result) finding {
	store := storeName(target)
	switch result.Reason { //nolint:exhaustive // the definite ones do not get here
	case preflight.AccessDenied:
		problem := "The store denies the request, and does not say whether the secret is right. "
		if result.SignatureRight {
			problem = "The access key and its secret are right, but the key may not list the bucket. "
		}
		return finding{"access_key", problem + "So it is not known whether the key may write there.",
			"Check the policies of the key and of the bucket."}
	case preflight.DeniedFromHere:
		return finding{"access_key", "A policy explicitly denies the request. That may be due to the address or the " +
			"network that it comes from, and RyzeAPI's requests come from elsewhere.",
			"Check whether the policy lets RyzeAPI in."}
	case preflight.PrefixSlash:
		return finding{"path_prefix", fmt.Sprintf("The access key may put objects with the prefix %q, but not with %q. "+
			"RyzeAPI does not say whether it puts a slash between the prefix and a file's name.",
			result.AllowedPrefix, target.PathPrefix),
			fmt.Sprintf(`Begin "path_prefix" without a slash and end it with one: set it to %q.`,
				strings.Trim(target.PathPrefix, "/")+"/")}
	case preflight.PrefixRefused:
		return finding{"path_prefix", fmt.Sprintf("The store refused a name that begins with %q.", target.PathPrefix),
			`Choose a plainer "path_prefix".`}
	case preflight.WrongClock:
		return finding{"endpoint", "The clocks of the store and this machine are too far apart.",
			"Correct this machine's clock."}
	case preflight.Busy:
		return finding{"endpoint", "The store reported an error, or is overloaded.", "Run again later."}
	case preflight.GatewayFault:
		return finding{"endpoint", "A gateway in front of the store could not talk to it.",
			"Check that the store runs, and the gateway's settings."}
	case preflight.Unsupported:
		return finding{"endpoint", store + " does not support the request of the check.", "Check the bucket by other means."}
	case preflight.PathStyleRefused:
		return finding{"endpoint",
			store + " wants the bucket's name in the host's name, and the check puts it into the path.",
			"RyzeAPI does not say which of the two it does. Check with a media message that it can store files."}
	case preflight.RequestChanged:
		return finding{"endpoint", "Something between this machine and the store changed the request, so its signature is " +
			"not valid.", "Check the proxies in between: they must keep the Host header and the path."}
	case preflight.NeedsHTTPS:
		return finding{"endpoint", store + " speaks https.", `Begin "endpoint" with https:// instead of http://.`}
	case preflight.NeedsHTTP:
		return finding{"endpoint", store + " speaks http, not https.",
			`Begin "endpoint" with http:// instead of https://, or use the port that speaks https.`}
	case preflight.NotS3:
		status := strings.TrimSpace(fmt.Sprintf("%d %s", result.Status, http.StatusText(result.Status)))
		return finding{"endpoint", "The answer did not come from an S3 store (" + status + ").",
			`Check that "endpoint" is the store's S3 API, not its console, and that no proxy answers in its place.`}
	case preflight.Untrusted:
		return finding{"endpoint", "This machine does not trust the store's certificate.",
			"RyzeAPI must trust it too, or it cannot store anything. To trust a private certificate authority here, set the " +
				`environment variable SSL_CERT_FILE; the provider's "ca_cert_file" is for RyzeAPI's own endpoint.`}
	case preflight.NoAnswer:
		return finding{"endpoint", "This machine cannot reach the store.",
			`If RyzeAPI can reach it, that is fine: set "preflight" to "off".`}
	}
	return finding{"endpoint", "The store refused the request for a reason that this provider does not know.",
		"Check the values of this resource against what the store says."}
}

// suspected names what else may be the cause, "" for nothing.
func suspected(result preflight.Result) string {
	var causes []string
	for _, c := range []struct {
		suspect preflight.Suspects
		cause   string
	}{
		{preflight.SuspectAccessKey, `an unknown "access_key"`},
		{preflight.SuspectSecret, `a wrong "secret_key"`},
		{preflight.SuspectRegion, `a wrong "region"`},
		{preflight.SuspectBucket, `a wrong "bucket"`},
		{preflight.SuspectEndpoint, suspectedEndpoint(result)},
		{preflight.SuspectProxy, "a proxy in between that changes the host or the path"},
	} {
		if result.Suspects.Has(c.suspect) && !isNamedBy(result.Reason, c.suspect) {
			causes = append(causes, c.cause)
		}
	}
	if len(causes) == 0 {
		return ""
	}
	return "The store may give the same answer for " + enumeration(causes) + "."
}

func suspectedEndpoint(result preflight.Result) string {
	if result.EndpointPart == "" {
		return `a wrong "endpoint"`
	}
	return fmt.Sprintf(`a wrong path in "endpoint" (%s)`, result.EndpointPart)
}

// isNamedBy reports whether a reason itself names a suspect.
func isNamedBy(reason preflight.Reason, suspect preflight.Suspects) bool {
	switch reason { //nolint:exhaustive // the others name no suspect
	case preflight.UnknownAccessKey:
		return suspect == preflight.SuspectAccessKey
	case preflight.WrongSecret:
		return suspect == preflight.SuspectSecret
	case preflight.WrongKeyOrSecret:
		return suspect == preflight.SuspectAccessKey || suspect == preflight.SuspectSecret
	default:
		return false
	}
}

// enumeration is "a", "a or b", "a, b or c".
func enumeration(items []string) string {
	last := len(items) - 1
	if last == 0 {
		return items[0]
	}
	return strings.Join(items[:last], ", ") + " or " + items[last]
}

// actionsToPut are the actions that a key lacks which may not put objects.
func actionsToPut(result preflight.Result) string {
	if result.Action != "" && result.Action != "s3:PutObject" {
		return result.Action
	}
	return "s3:PutObject (and s3:DeleteObject)"
}

func storeName(target preflight.Target) string {
	if target.Endpoint == "" {
		return "AWS"
	}
	return "The store at " + target.Endpoint
}

func because(result preflight.Result) string {
	if result.Status != 0 || result.Message == "" {
		return ""
	}
	return ": " + result.Message
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// paragraphs joins the texts that are not empty.
func paragraphs(texts ...string) string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n\n")
}

// storeSaid is what the store answered, "" if it did not say anything.
func storeSaid(result preflight.Result) string {
	said := strings.TrimSuffix(strings.TrimSpace(result.Message), ".")
	switch {
	case result.Status == 0 && said != "":
		return "The reason: " + said + "."
	case result.Code == "" && said == "":
		return ""
	case said == "":
		return "The store says " + result.Code + "."
	case result.Code == "":
		return "The store says: " + said + "."
	}
	return "The store says " + result.Code + ": " + said + "."
}

// leftoverObjectWarning is for the object of a preflight check that could not be deleted.
func leftoverObjectWarning(instance string, target preflight.Target, result preflight.Result) diag.Diagnostic {
	object := fmt.Sprintf("the empty object %q", result.LeftBehind)
	if result.LeftBehindVersion != "" {
		object += fmt.Sprintf(" (version %s)", result.LeftBehindVersion)
	}
	return diag.NewWarningDiagnostic(
		fmt.Sprintf("Could not delete the object of the preflight check of instance %q", instance),
		fmt.Sprintf("The check put %s into the bucket %q and could not delete it (%s). ",
			object, target.Bucket, strings.TrimSuffix(result.LeftBehindWhy, "."))+
			`Delete it by hand. Then grant the access key s3:DeleteObject (in a versioned bucket, s3:DeleteObjectVersion), `+
			`or set "preflight" to "access".`)
}

// What it means that a plan finds storage that cannot work.
const (
	beforeApplyNote = "The apply checks this again before it saves anything, and will fail unless this is fixed first."
	inUseNote       = "The storage is in use like this, so RyzeAPI can probably not store any media now."
)

// asPlanError turns an error of the apply into that of the plan.
func asPlanError(d diag.Diagnostic) diag.Diagnostic {
	detail := d.Detail() + "\n\n" +
		"If another resource of this plan creates the key or changes its secret, apply that resource first, with -target."
	if at, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeErrorDiagnostic(at.Path(), d.Summary(), detail)
	}
	return diag.NewErrorDiagnostic(d.Summary(), detail)
}

// asPlanWarning turns a diagnostic of the apply into the warning that the plan shows. The note ends an error.
func asPlanWarning(instance string, d diag.Diagnostic, note string) diag.Diagnostic {
	detail := strings.TrimSuffix(d.Detail(), nothingSavedNote(instance))
	if d.Severity() == diag.SeverityError {
		detail += "\n\n" + note
	}
	if at, ok := d.(diag.DiagnosticWithPath); ok {
		return diag.NewAttributeWarningDiagnostic(at.Path(), d.Summary(), detail)
	}
	return diag.NewWarningDiagnostic(d.Summary(), detail)
}
