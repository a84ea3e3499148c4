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

# With a number of your own, only a change of the number sends the secret again. Use it where the secret is another on every run.
resource "ryzeapi_instance_s3" "shop" {
  instance           = "shop-1"
  region             = "us-east-1"
  bucket             = "ryzeapi-media"
  access_key         = "AKIAIOSFODNN7EXAMPLE"
  secret_key         = var.secret_key
  secret_key_version = 1
}
