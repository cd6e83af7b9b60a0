"""The second look: what identified the patient in the source, searched for in the finished bytes."""
