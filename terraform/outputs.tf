# What a person needs next, and what scripts read. The output `services` is in services.tf.

output "log_bucket" {
  description = "Bucket with the load balancers' logs, and the VPC's refused packets."
  value       = aws_s3_bucket.logs.id
}

output "kms_key_arn" {
  description = "Key of the parameters, the logs and the alarm messages."
  value       = aws_kms_key.this.arn
}

output "topics" {
  description = "Topics of the alarms: page wakes somebody, notify is read in working hours."
  value       = local.topic_arns
}
