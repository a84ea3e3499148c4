# Ephemeral values, like write-only arguments, are never written to state or plan files.
variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

# All events, to one URL
resource "ryzeapi_instance_webhook" "shop" {
  instance      = "shop-1"
  url           = "https://hooks.example.com/whatsapp"
  authorization = var.webhook_authorization
}

# Another webhook of the same instance, for some events only
resource "ryzeapi_instance_webhook" "calls" {
  instance  = "shop-1"
  label     = "calls"
  url       = "https://hooks.example.com/calls"
  by_events = true
  events    = ["call.update", "instance.state"]
}
