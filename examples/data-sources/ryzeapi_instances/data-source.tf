# All instances of the account.
data "ryzeapi_instances" "all" {}

# Ephemeral values are never written to state or plan files.
variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

# S3 storage for each of them.
resource "ryzeapi_instance_s3" "all" {
  for_each = data.ryzeapi_instances.all.names

  instance    = each.key
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}

# Of these two instances, the ones that are connected.
data "ryzeapi_instances" "shops" {
  names            = ["shop-1", "shop-2"]
  connection_state = "connected"
}

output "connected_shops" {
  value = data.ryzeapi_instances.shops.names
}
