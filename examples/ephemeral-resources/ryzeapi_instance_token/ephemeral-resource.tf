resource "ryzeapi_instance" "shop" {
  name = "shop-1"
}

ephemeral "ryzeapi_instance_token" "shop" {
  instance    = ryzeapi_instance.shop.name
  instance_id = ryzeapi_instance.shop.id
}

# Whoever receives the webhook's events gets the token of this instance, and of no other. In the same
# way, a write-only argument puts the token into a secret of Kubernetes, or into a vault.
resource "ryzeapi_instance_webhook" "shop" {
  instance      = ryzeapi_instance.shop.name
  url           = "https://hooks.example.com/ryzeapi"
  authorization = ephemeral.ryzeapi_instance_token.shop.token
}
