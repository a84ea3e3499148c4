package provider

import (
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
)

// The text of every result of a preflight check: as the apply shows it, and two also as a plan shows them.
func TestPreflightDiagnosticsGolden(t *testing.T) {
	t.Parallel()
	aws := preflight.Target{Region: "us-east-1", Bucket: "media", PathPrefix: "shop/", AccessKey: "AKIAEXAMPLE"}
	minio := preflight.Target{
		Endpoint: "https://minio.example.com", Bucket: "media", PathPrefix: "shop/", AccessKey: "minioadmin",
	}
	global, withBucket, withPath, dashed := aws, minio, minio, minio
	global.Endpoint = "https://s3.amazonaws.com"
	withBucket.Endpoint, withPath.Endpoint = "https://minio.example.com/media", "https://minio.example.com/s3"
	dashed.PathPrefix = "/shop"
	var all strings.Builder
	seen := map[preflight.Reason]bool{}
	for _, c := range []struct {
		name, mode string
		target     preflight.Target
		result     preflight.Result
	}{
		{"unknown access key", "access", aws, preflight.Result{
			Reason: preflight.UnknownAccessKey, Status: 403, Code: "InvalidAccessKeyId",
			Message: "The AWS Access Key Id you provided does not exist in our records.",
		}},
		{"malformed access key", "access", minio, preflight.Result{
			Reason: preflight.MalformedAccessKey, Status: 400, Code: "InvalidArgument",
			Message: "Credential access key has length 20, should be 32",
		}},
		{"temporary access key", "access", aws, preflight.Result{
			Reason: preflight.TemporaryAccessKey, Message: "it begins with ASIA",
		}},
		{"unusable key", "access", aws, preflight.Result{
			Reason: preflight.UnusableKey, Status: 400, Code: "ExpiredToken", Message: "The provided token has expired.",
		}},
		{"wrong secret, AWS", "access", aws, preflight.Result{
			Reason: preflight.WrongSecret, Status: 403, Code: "SignatureDoesNotMatch",
			Message:  "The request signature we calculated does not match the signature you provided.",
			Suspects: preflight.SuspectSecret,
		}},
		{"wrong secret, another store", "access", withPath, preflight.Result{
			Reason: preflight.WrongSecret, Status: 403, Code: "SignatureDoesNotMatch", EndpointPart: "/s3",
			Suspects: preflight.SuspectSecret | preflight.SuspectAccessKey | preflight.SuspectProxy | preflight.SuspectEndpoint,
		}},
		{"wrong key or secret", "access", minio, preflight.Result{
			Reason: preflight.WrongKeyOrSecret, Status: 403, Code: "SignatureDoesNotMatch",
			Suspects: preflight.SuspectSecret | preflight.SuspectAccessKey | preflight.SuspectRegion,
		}},
		{"no bucket", "access", minio, preflight.Result{Reason: preflight.NoSuchBucket, Status: 404, Code: "NoSuchBucket"}},
		{"no bucket, or a wrong path", "access", withPath, preflight.Result{
			Reason: preflight.NoSuchBucket, Status: 404, Code: "NoSuchBucket", Suspects: preflight.SuspectEndpoint,
			EndpointPart: "/s3",
		}},
		{"invalid bucket", "access", aws, preflight.Result{
			Reason: preflight.InvalidBucketName, Status: 400, Code: "InvalidBucketName",
			Message: "The specified bucket is not valid.",
		}},
		{"disabled bucket", "access", aws, preflight.Result{
			Reason: preflight.BucketDisabled, Status: 403, Code: "AllAccessDisabled",
			Message: "All access to this object has been disabled",
		}},
		{"wrong region", "access", aws, preflight.Result{
			Reason: preflight.WrongRegion, Status: 301, Code: "PermanentRedirect",
			Message: "The bucket must be addressed elsewhere.", Region: "eu-west-1",
		}},
		{"wrong region, an address is named", "access", minio, preflight.Result{
			Reason: preflight.WrongRegion, Status: 301, Code: "PermanentRedirect", Endpoint: "media.s3.fr.example.com",
		}},
		{"wrong region, none is named", "access", minio, preflight.Result{
			Reason: preflight.WrongRegion, Status: 400, Code: "InvalidRegion",
		}},
		{"no such region, AWS", "access", aws, preflight.Result{
			Reason: preflight.NoSuchRegion, Message: "there is no host media.s3.us-esat-1.amazonaws.com",
		}},
		{"no such region, one is named", "access", minio, preflight.Result{
			Reason: preflight.NoSuchRegion, Status: 400, Code: "InvalidRegionName", Region: "auto",
			Message: "The region name 'us' is not valid. Must be one of: wnam, enam, weur, eeur, apac, auto",
		}},
		{"no such region, none is named", "access", minio, preflight.Result{
			Reason: preflight.NoSuchRegion, Status: 400, Code: "InvalidRegionName",
		}},
		{"AWS's global endpoint", "access", global, preflight.Result{
			Reason: preflight.WrongEndpoint, Status: 400, Code: "AuthorizationHeaderMalformed", Region: "eu-west-1",
		}},
		{"AWS's global endpoint, no region is named", "access", global, preflight.Result{
			Reason: preflight.WrongEndpoint, Status: 400, Code: "AuthorizationHeaderMalformed",
		}},
		{"wrong endpoint, another is named", "access", minio, preflight.Result{
			Reason: preflight.WrongEndpoint, Status: 301, Code: "PermanentRedirect", Endpoint: "media.s3.fr.example.com",
		}},
		{"wrong endpoint", "access", minio, preflight.Result{
			Reason: preflight.WrongEndpoint, Status: 301, Code: "PermanentRedirect",
		}},
		{"bucket in the endpoint", "access", withBucket, preflight.Result{
			Reason: preflight.BucketInEndpoint, Status: 404, Code: "NoSuchKey", EndpointPart: "/media",
		}},
		{"console", "access", minio, preflight.Result{
			Reason: preflight.ConsoleEndpoint, Status: 403, Code: "AccessDenied",
			Message: "S3 API Requests must be made to API port.",
		}},
		{"write denied", "write", aws, preflight.Result{
			Reason: preflight.WriteDenied, Status: 403, Code: "AccessDenied", Message: "Access Denied",
		}},
		{"encryption denied", "write", aws, preflight.Result{
			Reason: preflight.WriteDenied, Status: 403, Code: "AccessDenied", Action: "kms:GenerateDataKey",
			Message: "User: X is not authorized to perform: kms:GenerateDataKey on resource: Y",
		}},
		{"list denied", "access", minio, preflight.Result{
			Reason: preflight.AccessDenied, Status: 403, Code: "AccessDenied", Message: "Access Denied",
			Suspects: preflight.SuspectBucket,
		}},
		{"list denied, to the right key", "access", aws, preflight.Result{
			Reason: preflight.AccessDenied, Status: 403, Code: "AccessDenied", SignatureRight: true,
			Message: "User: X is not authorized to perform: s3:ListBucket on resource: Y", Action: "s3:ListBucket",
		}},
		{"denied from here", "access", aws, preflight.Result{
			Reason: preflight.DeniedFromHere, Status: 403, Code: "AccessDenied", Action: "s3:ListBucket",
			Message: "User: X is not authorized to perform: s3:ListBucket with an explicit deny in a resource-based policy",
		}},
		{"slash in the prefix", "write", dashed, preflight.Result{
			Reason: preflight.PrefixSlash, Status: 403, Code: "AccessDenied", AllowedPrefix: "shop/",
		}},
		{"refused prefix", "write", minio, preflight.Result{
			Reason: preflight.PrefixRefused, Status: 400, Code: "XMinioInvalidObjectName",
			Message: "Object name contains unsupported characters.",
		}},
		{"clock", "access", aws, preflight.Result{
			Reason: preflight.WrongClock, Status: 403, Code: "RequestTimeTooSkewed", Message: "The difference is too large.",
		}},
		{"busy", "access", minio, preflight.Result{
			Reason: preflight.Busy, Status: 503, Code: "SlowDown", Message: "Please reduce your request rate.",
		}},
		{"busy, without a word", "access", minio, preflight.Result{Reason: preflight.Busy, Status: 500}},
		{"gateway", "access", minio, preflight.Result{
			Reason: preflight.GatewayFault, Status: 522, Message: "the answer is 522, and not S3's",
		}},
		{"not supported", "access", minio, preflight.Result{
			Reason: preflight.Unsupported, Status: 501, Code: "NotImplemented",
		}},
		{"path style refused", "access", minio, preflight.Result{
			Reason: preflight.PathStyleRefused, Status: 403, Code: "SecondLevelDomainForbidden",
			Message: "Please use virtual hosted style to access.",
		}},
		{"changed on the way", "access", minio, preflight.Result{
			Reason: preflight.RequestChanged, Status: 403, Code: "AccessDenied",
			Message: "There were headers present in the request which were not signed",
		}},
		{"needs https", "access", minio, preflight.Result{
			Reason: preflight.NeedsHTTPS, Status: 400, Message: "the endpoint speaks https",
		}},
		{"needs http", "access", minio, preflight.Result{Reason: preflight.NeedsHTTP, Message: "the endpoint speaks http"}},
		{"not S3", "access", minio, preflight.Result{
			Reason: preflight.NotS3, Status: 200, Message: "the answer is not S3's",
		}},
		{"another refusal", "access", minio, preflight.Result{
			Reason: preflight.OtherRefusal, Status: 400, Code: "SomethingNew", Message: "It is new.",
		}},
		{"untrusted certificate", "access", minio, preflight.Result{
			Reason: preflight.Untrusted, Message: "x509: certificate signed by unknown authority",
		}},
		{"no answer", "access", minio, preflight.Result{Reason: preflight.NoAnswer, Message: "no answer in time"}},
		{"no answer of AWS", "access", aws, preflight.Result{Reason: preflight.NoAnswer, Message: "no answer in time"}},
		{"probe left behind", "write", minio, preflight.Result{
			LeftBehind: "shop/.ryzeapi-preflight-x", LeftBehindWhy: "AccessDenied: Access Denied.",
		}},
		{"version left behind", "write", aws, preflight.Result{
			LeftBehind: "shop/.ryzeapi-preflight-x", LeftBehindVersion: "3HL4", LeftBehindWhy: "AccessDenied: Access Denied.",
		}},
	} {
		seen[c.result.Reason] = true
		diags := preflightDiagnostics("shop", c.mode, c.target, c.result)
		if len(diags) != 1 {
			t.Fatalf("%s: %d diagnostics", c.name, len(diags))
		}
		describe(&all, c.name, diags[0])
		if c.result.Reason == preflight.WrongSecret && c.result.Suspects == 0 {
			describe(&all, c.name+", at plan", asPlanError(diags[0]))
		}
		if c.result.Reason == preflight.NoSuchBucket {
			describe(&all, c.name+", at plan", asPlanWarning("shop", diags[0], beforeApplyNote))
			describe(&all, c.name+", in use", asPlanWarning("shop", diags[0], inUseNote))
		}
	}
	for reason := preflight.Fine; reason <= preflight.NoAnswer; reason++ {
		if !seen[reason] {
			t.Errorf("no case for %s", reason)
		}
	}
	compareGolden(t, "preflight.golden", all.String())
}

// What has a wrong form is an error on its argument, in words of its own.
func TestFormsThatNoStoreAccepts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change arguments
		want   string // of the error; "" is for none
	}{
		"scheme":               {arguments{"bucket": "s3://media"}, `(?s)Invalid "bucket".*it contains a scheme`},
		"slash":                {arguments{"bucket": "media/sub"}, `(?s)Invalid "bucket".*it contains a slash.*path_prefix`},
		"ARN":                  {arguments{"bucket": "arn:aws:s3:::media"}, `(?s)Invalid "bucket".*it is an ARN`},
		"underscores":          {arguments{"region": "us_east_1"}, `(?s)Invalid "region".*AWS has no region "us_east_1"`},
		"name of a region":     {arguments{"region": "US East (N. Virginia)"}, `Invalid "region"`},
		"zone":                 {arguments{"region": "us-east-1a"}, `Invalid "region"`},
		"auto":                 {arguments{"region": "auto"}, `Invalid "region"`},
		"auto, elsewhere":      {arguments{"region": "auto", "endpoint": "https://x.example"}, ``},
		"auto, perhaps AWS":    {arguments{"region": "auto", "endpoint": knownLater{"https://x.example"}}, ``},
		"temporary":            {arguments{"access_key": "ASIAEXAMPLE"}, `(?s)Invalid "access_key".*a temporary one`},
		"disabled":             {arguments{"bucket": "media/sub", "enabled": false}, ``},
		"unknown and no slash": {arguments{"bucket": knownLater{"media"}}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, false, mockapi.Options{}, func(*fixture) []step {
				return []step{{config: aws.with(c.change), secret: "one", planOnly: true, err: c.want}}
			})
		})
	}
}
