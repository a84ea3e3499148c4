terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

provider "ryzeapi" {}

variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

# With a version of your own, the secret is sent again only when you change the number. Use this for
# secrets that differ on every run.
resource "ryzeapi_instance_s3" "shop" {
  instance           = "shop-1"
  region             = "us-east-1"
  bucket             = "ryzeapi-media"
  access_key         = "AKIAIOSFODNN7EXAMPLE"
  secret_key         = var.secret_key
  secret_key_version = 1
}
