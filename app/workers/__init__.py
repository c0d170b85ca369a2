"""What works beside the requests: decoders, the thread that leases rows, deadlines, the services of a process."""
