data "ryzeapi_instance_s3" "shop" {
  instance = "shop-1"
}

output "bucket_of_the_shop" {
  value = data.ryzeapi_instance_s3.shop.enabled ? data.ryzeapi_instance_s3.shop.bucket : null
}
