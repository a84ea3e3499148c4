# Ephemeral values, like write-only arguments, are never written to state or plan files.
variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

# AWS
resource "ryzeapi_instance_s3" "shop" {
  instance    = "shop-1"
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/shop-1/"
}

# An S3-compatible store
resource "ryzeapi_instance_s3" "support" {
  instance    = "support"
  endpoint    = "https://minio.example.com"
  region      = "us-east-1"
  bucket      = "whatsapp"
  access_key  = "minioadmin"
  secret_key  = var.secret_key
  path_prefix = "support/"
}
