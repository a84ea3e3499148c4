terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source = "ryzeapi/ryzeapi"
    }
  }
}

provider "ryzeapi" {}

variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

# One bucket for all instances, each below a prefix of its own.
resource "ryzeapi_instance_s3" "all" {
  for_each = toset(["shop-1", "shop-2", "support"])

  instance    = each.key
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}
