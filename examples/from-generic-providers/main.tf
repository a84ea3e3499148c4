terraform {
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_s3" "media" {
  instance    = "shop-1"
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  path_prefix = "media/shop-1/"
}

moved {
  from = restapi_object.media
  to   = ryzeapi_instance_s3.media
}

resource "ryzeapi_instance_webhook" "orders" {
  instance      = "shop-1"
  url           = "https://hooks.example.com/orders"
  authorization = var.webhook_authorization
}

moved {
  from = restapi_object.orders
  to   = ryzeapi_instance_webhook.orders
}
