resource "ryzeapi_instance_settings" "shop" {
  instance              = "shop-1"
  auto_reject_calls     = true
  call_reject_message   = "We cannot take calls here. Please write to us."
  ignore_group_messages = true
}
