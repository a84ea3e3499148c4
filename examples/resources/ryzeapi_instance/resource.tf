resource "ryzeapi_instance" "shop" {
  name = "shop-1"
}

# Whatever belongs to the instance refers to it.
resource "ryzeapi_instance_settings" "shop" {
  instance          = ryzeapi_instance.shop.name
  auto_reject_calls = true
}
