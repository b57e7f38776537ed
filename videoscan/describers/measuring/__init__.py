"""What an endpoint can really do, measured: one module per question, pure where no request is needed.

`client` sends and counts, `reach` connects, `talk` asks about words, `sight` about pictures, `load` about size and number of requests,
`fit` computes what a picture costs. `examination` puts the questions in order.
"""
