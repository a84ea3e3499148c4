list "ryzeapi_instance_settings" "all" {
  provider = ryzeapi
  limit    = 1000
}
