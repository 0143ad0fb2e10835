"""The REST API's view of the studio, the assistant at Vapi, and whether it is on the phone."""
