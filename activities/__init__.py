"""What touches the world, thinly. The port each activity needs stands at the top of its file."""
