package preflight

import (
	"regexp"
	"strings"
	"unicode"
)

// awsRegion is the form of every region that AWS has (https://docs.aws.amazon.com/general/latest/gr/s3.html), and of
// its alias for the first one.
var awsRegion = regexp.MustCompile(`^([a-z]{2,}(-[a-z]+)+-[0-9]+|aws-global)$`)

// plainPrefix is the form of prefixes that every store accepts: folders of safe characters
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), none of which is "." or "..".
var plainPrefix = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*([A-Za-z0-9_-][A-Za-z0-9_.-]*)?$`)

// Form returns what cannot work because of its form alone, without a request; [Fine] if there is nothing like that.
// Empty fields are skipped, so it can be used before all values are known. The Status is 0.
func (t Target) Form() Result {
	switch {
	case strings.Contains(t.Bucket, "://"):
		return Result{Reason: InvalidBucketName, Message: "it contains a scheme"}
	case strings.HasPrefix(t.Bucket, "arn:"):
		return Result{Reason: InvalidBucketName, Message: "it is an ARN"}
	case strings.Contains(t.Bucket, "/"):
		return Result{Reason: InvalidBucketName, Message: "it contains a slash"}
	case strings.ContainsFunc(t.Bucket, isBlank):
		return Result{Reason: InvalidBucketName, Message: "it contains white space or a control character"}
	case t.Endpoint == "" && t.Region != "" && !awsRegion.MatchString(t.Region):
		return Result{Reason: NoSuchRegion, Message: "no region of AWS has a name of this form"}
	case strings.ContainsFunc(t.AccessKey, isBlank):
		return Result{Reason: MalformedAccessKey, Message: "it contains white space or a control character"}
	case t.IsAWS() && strings.HasPrefix(t.AccessKey, "ASIA"):
		return Result{Reason: TemporaryAccessKey, Message: "it begins with ASIA"}
	}
	return Result{}
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
