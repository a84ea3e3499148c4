list "ryzeapi_instance_webhook" "all" {
  provider = ryzeapi
  limit    = 1000
}
