"""Two hosts with indexes of their own, in Docker: is what one changes found on the other within two seconds?"""
