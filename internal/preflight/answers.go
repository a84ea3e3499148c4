package preflight

import (
	"net/http"
	"regexp"
	"strings"
)

// row says what one answer means. What is empty fits all answers; a row fits when all that it says does.
type row struct {
	store  string // that answers so, one or more
	source string // where that is from: documentation, source code, or somebody who has seen it

	status  int
	code    string
	message *regexp.Regexp // in the message, or in Google's details
	header  string         // that the answer has

	means    Reason
	suspects Suspects
	proves   bool // that the store has recognised the access key and the secret
}

// Sources that several rows share.
const (
	awsErrors    = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
	awsDenied    = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html"
	r2Errors     = "https://developers.cloudflare.com/r2/api/error-codes/"
	googleErrors = "https://cloud.google.com/storage/docs/xml-api/reference-status"
	wasabiErrors = "https://docs.wasabi.com/docs/rest-api-introduction"
	ossDenied    = "https://www.alibabacloud.com/help/en/oss/how-to-troubleshoot-403-status-code-when-you-access-oss"
	ibmErrors    = "https://www.ibm.com/docs/en/coss/3.20.1?topic=headers-error-codes"
	minioErrors  = "https://github.com/minio/minio/blob/master/cmd/api-errors.go"
	cephErrors   = "https://github.com/ceph/ceph/blob/main/src/rgw/rgw_common.cc"
	swiftRequest = "https://opendev.org/openstack/swift/src/branch/master/swift/common/middleware/s3api/s3request.py"
	garageErrors = "https://git.deuxfleurs.fr/Deuxfleurs/garage/src/branch/main-v2/src/api/common/signature/payload.rs"
	seaweed      = "https://github.com/seaweedfs/seaweedfs/blob/master/weed/s3api/s3err/s3api_errors.go"
	rcloneErrors = "https://github.com/rclone/gofakes3/blob/master/signature/signature-errors.go"
	versityAuth  = "https://github.com/versity/versitygw/blob/main/s3err/sigv4.go"
	versity      = "https://github.com/versity/versitygw/blob/main/s3err/s3err.go"
	supabase     = "https://github.com/supabase/storage/blob/master/src/internal/errors/codes.ts"
	cloudflare   = "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/"
)

func saying(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// rows are the answers that are known, the first that fits counts. A row about a message stands before the one about
// its code.
var rows = []row{
	// Something on the way has changed the request, or the clock is wrong: these say AccessDenied, InvalidRequest and
	// more.
	{
		store: "MinIO, SeaweedFS, rclone, versitygw", source: minioErrors + " (ErrUnsignedHeaders)",
		code: "AccessDenied", message: saying(`headers present in the request which were not signed`), means: RequestChanged,
	},
	{
		store: "Garage", source: garageErrors, code: "InvalidRequest", message: saying("header `[^`]+` should be signed"),
		means: RequestChanged,
	},
	{
		store: "MinIO", source: minioErrors + " (ErrNoAccessKey)",
		code: "AccessDenied", message: saying(`no AWSAccessKey was presented`), means: RequestChanged,
	},
	{
		store: "MinIO, SeaweedFS, rclone", source: minioErrors + " (ErrMissingSignTag, ErrMissingDateHeader)",
		code: "AccessDenied", message: saying(`missing Signature field|requires a valid Date or x-amz-date`),
		means: RequestChanged,
	},
	{
		store: "versitygw", source: versity, code: "AccessDenied", message: saying(`^anonymous users cannot`),
		means: RequestChanged,
	},
	{
		store: "Supabase", source: "https://github.com/supabase/storage/blob/master/src/http/plugins/signature-v4.ts",
		code: "AccessDenied", message: saying(`^missing signature`), means: RequestChanged,
	},
	{
		store: "Google Cloud Storage", source: "https://github.com/discord/discord-example-app/issues/60",
		code: "AccessDenied", message: saying(`anonymous caller does not have`), means: RequestChanged,
	},
	{
		store: "Oracle", source: "https://github.com/minio/minio-js/issues/866",
		code: "SignatureDoesNotMatch", message: saying(`required information to complete authentication was not provided`),
		means: RequestChanged,
	},
	{
		store: "MinIO, SeaweedFS", source: "https://github.com/minio/minio/issues/14354",
		code: "InvalidRequest", message: saying(`authorization mechanism you have provided is not supported`),
		means: RequestChanged,
	},
	{
		store: "s3rver", source: "https://github.com/jamhall/s3rver/blob/master/lib/middleware/authentication.js",
		code: "InvalidArgument", message: saying(`only one auth mechanism allowed|unsupported authorization type`),
		means: RequestChanged,
	},
	{
		store: "AWS, MinIO, SeaweedFS, Ceph, Swift, Wasabi", source: awsErrors, code: "XAmzContentSHA256Mismatch",
		means: RequestChanged,
	},
	{store: "AWS, MinIO", source: awsErrors, code: "MissingSecurityHeader", means: RequestChanged},
	{store: "AWS, Ceph, MinIO, Supabase", source: cephErrors, code: "MissingContentLength", means: RequestChanged},
	{
		store: "Wasabi", source: wasabiErrors, code: "IncompleteSignature", means: RequestChanged,
		suspects: SuspectAccessKey,
	},
	{store: "AWS, Ceph, MinIO, Swift, Wasabi", source: awsErrors, code: "RequestTimeTooSkewed", means: WrongClock},
	{store: "AWS", source: awsErrors, code: "RequestExpired", means: WrongClock},
	{store: "Cloudflare R2", source: r2Errors, code: "ExpiredRequest", means: WrongClock},
	{
		store: "MinIO, SeaweedFS, versitygw, COS", source: minioErrors + " (ErrExpiredPresignRequest, " +
			"ErrRequestNotReadyYet)",
		code: "AccessDenied", message: saying(`^request (has expired|is not valid yet)`), means: WrongClock,
	},
	{
		store: "rclone", source: rcloneErrors,
		code: "AccessDenied", message: saying(`difference between the request time and the server's time`),
		means: WrongClock,
	},
	{store: "Garage", source: garageErrors, code: "InvalidRequest", message: saying(`date is too old`),
		means: WrongClock},

	// The endpoint is not the store's S3 API, or not this bucket's.
	{
		store: "MinIO", source: "https://github.com/minio/mc/issues/4523",
		message: saying(`S3 API Requests? must be made to API port`), means: ConsoleEndpoint,
	},
	{
		store: "MinIO until 2022", source: "https://github.com/pivotal-sadubois/tanzu-demo-hub/issues/13",
		message: saying(`S3 API Request made to Console port`), means: ConsoleEndpoint,
	},
	{
		store: "Alibaba OSS", source: "https://help.aliyun.com/en/oss/developer-reference/overview-24",
		code: "SecondLevelDomainForbidden", means: PathStyleRefused,
	},
	{
		store: "Tencent COS", source: "https://cloud.tencent.com/document/faq/436/102489",
		code: "PathStyleDomainForbidden", means: PathStyleRefused,
	},
	{
		store: "Huawei OBS", source: "https://support.huaweicloud.com/api-obs/obs_errorcode_0014.html",
		code: "VirtualHostDomainRequired", means: PathStyleRefused,
	},
	{
		store: "Alibaba OSS", source: "https://github.com/codexu/note-gen/issues/796; " + ossDenied,
		code: "AccessDenied", message: saying(`must be addressed using the specified endpoint`), means: WrongEndpoint,
		suspects: SuspectBucket,
	},
	{store: "AWS, Ceph, Wasabi", source: awsErrors, code: "PermanentRedirect", means: WrongEndpoint},
	{store: "AWS, IBM", source: awsErrors, code: "TemporaryRedirect", means: WrongEndpoint},
	{store: "Supabase", source: supabase, code: "TenantNotFound", means: WrongEndpoint},
	{
		store: "AWS, R2, IBM, Ceph, MinIO and all others", source: "https://github.com/siyuan-note/siyuan/issues/12752",
		code: "NoSuchKey", means: BucketInEndpoint,
	},

	// The region.
	{
		store: "AWS, MinIO, Swift, OVH, Scaleway", source: "https://github.com/minio/minio-go/issues/677",
		code: "AuthorizationHeaderMalformed", message: saying(`region .*is wrong`), means: WrongRegion,
	},
	{
		store:  "Garage",
		source: "https://git.deuxfleurs.fr/Deuxfleurs/garage/src/branch/main-v2/src/api/common/signature/error.rs",
		code:   "AuthorizationHeaderMalformed", message: saying(`unexpected scope`), means: WrongRegion,
	},
	{
		store: "Oracle", source: "https://github.com/minio/minio/issues/5304",
		message: saying(`authentication region name ?'[^']*' is incorrect`), means: WrongRegion,
	},
	{
		store: "Alibaba OSS", source: "https://help.aliyun.com/en/oss/user-guide/0002-00000226",
		code: "InvalidArgument", message: saying(`signing region in .* is invalid|invalid signing region`),
		means: WrongRegion,
	},
	{
		store: "AWS, Ceph", source: awsErrors, code: "IllegalLocationConstraintException", means: WrongRegion,
		suspects: SuspectEndpoint,
	},
	{store: "MinIO", source: minioErrors + " (ErrInvalidRegion)", code: "InvalidRegion", means: WrongRegion},
	{
		store: "Cloudflare R2", source: "https://github.com/jeessy2/backup-x/issues/127", code: "InvalidRegionName",
		means: NoSuchRegion,
	},

	// The access key.
	{
		store: "Cloudflare R2", source: "https://github.com/grafana/loki/issues/9224",
		code: "InvalidArgument", message: saying(`credential access key has length`), means: MalformedAccessKey,
	},
	{
		store: "Backblaze B2", source: "https://github.com/muxinc/next-video/issues/216",
		code: "InvalidAccessKeyId", message: saying(`malformed access key id`), means: MalformedAccessKey,
	},
	{
		store: "MinIO, SeaweedFS, rclone, versitygw", source: versityAuth,
		message: saying(`credential is mal-formed`), means: MalformedAccessKey,
	},
	{
		store: "AWS, Swift, s3rver, versitygw", source: versityAuth,
		code: "AuthorizationHeaderMalformed", means: MalformedAccessKey, suspects: SuspectProxy,
	},
	{
		store: "Garage", source: garageErrors,
		code: "AccessDenied", message: saying(`^forbidden: no such key`), means: UnknownAccessKey,
	},
	{
		store: "MinIO", source: minioErrors + " (ErrAccessKeyDisabled)",
		code: "InvalidAccessKeyId", message: saying(`your account is disabled`), means: UnusableKey,
	},
	{
		store:   "Alibaba OSS, Huawei OBS",
		source:  ossDenied + "; https://support.huaweicloud.com/api-obs/obs_errorcode_0009.html",
		code:    "InvalidAccessKeyId",
		message: saying(`is disabled|is inactive|has been disabled|only supports console access`),
		means:   UnusableKey,
	},
	{
		store: "Backblaze B2", source: "https://github.com/peak/s5cmd/issues/269",
		code: "InvalidAccessKeyId", message: saying(`^the key '[^']*' is not valid`),
		means: UnknownAccessKey, suspects: SuspectEndpoint,
	},
	{
		store: "AWS, Ceph (Spaces, Hetzner, Linode), MinIO (Storj, IDrive), Wasabi, IBM, COS, SeaweedFS, " +
			"Supabase, versitygw, rclone, s3rver",
		source: awsErrors, code: "InvalidAccessKeyId", means: UnknownAccessKey,
	},
	{
		store: "AWS", source: "https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html",
		code: "InvalidClientTokenId", means: UnknownAccessKey,
	},
	{
		store: "Cloudflare R2", source: r2Errors,
		status: http.StatusUnauthorized, code: "Unauthorized",
		means: UnknownAccessKey, suspects: SuspectSecret | SuspectEndpoint,
	},
	{
		store: "Google Cloud Storage", source: googleErrors + "; https://github.com/s3fs-fuse/s3fs-fuse/issues/179",
		code: "InvalidSecurity", means: UnknownAccessKey, suspects: SuspectSecret,
	},
	{store: "AWS, COS", source: awsErrors, code: "ExpiredToken", means: UnusableKey},
	{store: "AWS, MinIO", source: awsErrors, code: "InvalidToken", means: UnusableKey},
	{store: "MinIO", source: minioErrors + " (ErrInvalidToken)", code: "InvalidTokenId", means: UnusableKey},
	{store: "AWS", source: awsErrors, code: "TokenRefreshRequired", means: UnusableKey},
	{store: "AWS, Wasabi, Swift", source: awsErrors, code: "AccountProblem", means: UnusableKey},
	{store: "Wasabi", source: wasabiErrors, code: "AccountNotActivated", means: UnusableKey},
	{store: "AWS", source: awsErrors, code: "NotSignedUp", means: UnusableKey},
	{store: "AWS", source: awsErrors, code: "OptInRequired", means: UnusableKey},
	{store: "Ceph", source: cephErrors, code: "UserSuspended", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "AccessKeyIdAndSecurityTokenNotMatch", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "InvalidSecurityToken", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "UserDisable", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "InDebt", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "InDebtOverdue", means: UnusableKey},
	{store: "Alibaba OSS", source: ossDenied, code: "AbnormalBucketOwnerStatus", means: UnusableKey},
	{store: "Wasabi", source: wasabiErrors, code: "AuthenticationLockout", means: Busy},

	// The secret.
	{
		store: "Oracle", source: "https://github.com/nextflow-io/nextflow/pull/4481",
		code: "SignatureDoesNotMatch", message: saying(`secret key required to complete authentication could not be found`),
		means: WrongKeyOrSecret, suspects: SuspectAccessKey | SuspectRegion,
	},
	{
		store: "OpenStack Swift", source: swiftRequest + " (HTTP_UNAUTHORIZED)",
		code: "SignatureDoesNotMatch", header: "X-Openstack-Request-Id", means: WrongKeyOrSecret, suspects: SuspectAccessKey,
	},
	{
		store: "OpenStack Swift", source: swiftRequest + " (HTTP_UNAUTHORIZED)",
		code: "SignatureDoesNotMatch", header: "X-Trans-Id", means: WrongKeyOrSecret, suspects: SuspectAccessKey,
	},
	{
		store:  "OpenStack Swift with Keystone",
		source: "https://opendev.org/openstack/swift/src/branch/master/swift/common/middleware/s3api/s3token.py",
		status: http.StatusUnauthorized, code: "AccessDenied", means: WrongKeyOrSecret, suspects: SuspectAccessKey,
	},
	{
		store: "Garage", source: garageErrors, code: "AccessDenied", message: saying(`^forbidden: invalid signature`),
		means: WrongSecret,
	},
	{
		store: "AWS, R2, Google, B2, Ceph (Spaces, Hetzner, Linode), MinIO, Wasabi, OSS, COS, SeaweedFS, " +
			"Supabase, versitygw, rclone",
		// Google has another message: https://github.com/zombiezen/nixcached/issues/20
		source: awsErrors, code: "SignatureDoesNotMatch", means: WrongSecret,
	},
	{store: "Supabase", source: supabase, code: "InvalidSignature", means: WrongSecret},
	{
		store: "Supabase", source: "https://github.com/supabase/storage/blob/master/src/storage/protocols/s3/signature-v4.ts",
		code: "AccessDenied", message: saying(`^invalid region`), means: WrongRegion,
	},
	{
		store: "Supabase", source: "https://github.com/supabase/cli/issues/5061",
		code: "InvalidAccessKey", means: UnknownAccessKey,
	},

	// The bucket.
	{
		store: "AWS, Ceph, MinIO, Swift, Garage, gofakes3 and all others", source: awsErrors, code: "NoSuchBucket",
		means: NoSuchBucket,
	},
	{
		store: "AWS, Ceph, MinIO, Swift, Garage, SeaweedFS, IBM", source: awsErrors, code: "InvalidBucketName",
		means: InvalidBucketName,
	},
	{
		store: "Tencent COS", source: "https://cloud.tencent.com/document/product/436/7730", code: "BucketNameTooLong",
		means: InvalidBucketName,
	},
	{
		store: "AWS, MinIO", source: awsErrors + "; https://github.com/pelias/placeholder/issues/95",
		code: "AllAccessDisabled", means: BucketDisabled,
	},
	{store: "Alibaba OSS", source: ossDenied, code: "BucketDisable", means: BucketDisabled},
	{store: "Alibaba OSS", source: ossDenied, code: "BucketNotBelongTo", means: BucketDisabled},

	// The names of the objects.
	{
		store: "MinIO", source: minioErrors + " (ErrInvalidObjectName)", code: "XMinioInvalidObjectName",
		means: PrefixRefused,
	},
	{
		store: "MinIO", source: minioErrors + " (ErrInvalidResourceName)", code: "XMinioInvalidResourceName",
		means: PrefixRefused,
	},
	{store: "MinIO", source: minioErrors + " (ErrParentIsObject)", code: "XMinioParentIsObject", means: PrefixRefused},
	{store: "MinIO", source: minioErrors, code: "XMinioObjectExistsAsDirectory", means: PrefixRefused},
	{store: "Ceph", source: cephErrors, code: "InvalidObjectName", means: PrefixRefused},
	{store: "Supabase", source: supabase, code: "InvalidKey", means: PrefixRefused},
	{
		store: "rclone", source: "https://github.com/rclone/rclone/blob/master/cmd/serve/s3/utils.go",
		code: "InvalidArgument", message: saying(`^object name contains unsupported characters`), means: PrefixRefused,
	},
	{store: "SeaweedFS", source: seaweed, code: "ExistingObjectIsFile", means: PrefixRefused},
	{store: "SeaweedFS, versitygw", source: seaweed, code: "ExistingObjectIsDirectory", means: PrefixRefused},
	{store: "AWS, MinIO, gofakes3", source: awsErrors, code: "KeyTooLongError", means: PrefixRefused},

	// Denials.
	{
		store: "AWS", source: awsDenied, code: "AccessDenied",
		message: saying(`not authorized to perform.* (explicit deny|no VPC endpoint policy allows)`),
		means:   DeniedFromHere, proves: true,
	},
	{
		store: "AWS", source: awsDenied, code: "AccessDenied", message: saying(`not authorized to perform`),
		means: AccessDenied, proves: true,
	},
	{
		store:   "Google Cloud Storage",
		source:  "https://cloud.google.com/vpc-service-controls/docs/troubleshooting; " + googleErrors,
		message: saying(`prohibited by organization's policy|vpcServiceControls`), means: DeniedFromHere,
	},
	{
		store: "Google Cloud Storage", source: "https://github.com/zetaalphavector/InPars/issues/13",
		code: "AccessDenied", message: saying(`\S+@\S+ does not have storage\.`),
		means: AccessDenied, suspects: SuspectBucket, proves: true,
	},
	{
		store: "all", source: awsErrors + "; " + r2Errors + "; " + ibmErrors + "; " + minioErrors + "; " + cephErrors,
		code: "AccessDenied", means: AccessDenied,
	},
	{store: "Wasabi", source: wasabiErrors, code: "AccessForbidden", means: AccessDenied},

	// The store's own condition, and what stands in front of it.
	{store: "AWS, MinIO, Ceph, Swift", source: awsErrors, code: "SlowDown", means: Busy},
	{store: "MinIO", source: minioErrors, code: "SlowDownRead", means: Busy},
	{store: "MinIO", source: minioErrors, code: "SlowDownWrite", means: Busy},
	{store: "AWS, B2, Ceph, Swift, Garage", source: awsErrors, code: "ServiceUnavailable", means: Busy},
	{store: "Wasabi", source: wasabiErrors, code: "Unavailable", means: Busy},
	{store: "AWS, MinIO, Ceph, SeaweedFS, Garage, Supabase", source: awsErrors, code: "InternalError", means: Busy},
	{store: "AWS", source: awsErrors, code: "OperationAborted", means: Busy},
	{store: "AWS, MinIO, Ceph", source: awsErrors, code: "RequestTimeout", means: Busy},
	{store: "SeaweedFS", source: seaweed, code: "ErrTooManyRequest", means: Busy},
	{store: "Wasabi", source: wasabiErrors, code: "RequestRateLimitExceeded", means: Busy},
	{store: "MinIO", source: minioErrors + " (ErrServerNotInitialized)", code: "XMinioServerNotInitialized", means: Busy},
	{store: "AWS, MinIO, Garage, Ceph, Wasabi", source: awsErrors, code: "NotImplemented", means: Unsupported},
	{store: "all", source: "RFC 9110, section 15.6.2", status: http.StatusNotImplemented, means: Unsupported},
	{store: "Cloudflare's proxy", source: cloudflare, status: 520, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 521, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 522, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 523, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 524, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 525, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 526, means: GatewayFault},
	{store: "Cloudflare's proxy", source: cloudflare, status: 530, means: GatewayFault},
	{store: "all", source: "RFC 6585, section 4", status: http.StatusTooManyRequests, means: Busy},
	{store: "all", source: "RFC 9110, section 15.6.1", status: http.StatusInternalServerError, means: Busy},
	{store: "all", source: "RFC 9110, section 15.6.3", status: http.StatusBadGateway, means: Busy},
	{store: "all", source: "RFC 9110, section 15.6.4", status: http.StatusServiceUnavailable, means: Busy},
	{store: "all", source: "RFC 9110, section 15.6.5", status: http.StatusGatewayTimeout, means: Busy},
}

// meaningOf is the first row that fits an answer.
func meaningOf(got answer, said document) row {
	for _, r := range rows {
		if r.fits(got, said) {
			return r
		}
	}
	if said.Code == "" {
		return row{means: NotS3}
	}
	return row{means: OtherRefusal}
}

func (r row) fits(got answer, said document) bool {
	return (r.status == 0 || r.status == got.status) && (r.code == "" || strings.EqualFold(r.code, said.Code)) &&
		(r.message == nil || r.message.MatchString(said.text())) && (r.header == "" || got.header.Get(r.header) != "")
}
