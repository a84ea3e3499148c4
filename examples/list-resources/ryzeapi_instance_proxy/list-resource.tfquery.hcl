list "ryzeapi_instance_proxy" "all" {
  provider = ryzeapi
  limit    = 1000
}
