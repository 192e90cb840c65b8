"""BERT with the head of masked language modelling in PyTorch alone, for machines without transformers. Names and results are those of its BertForMaskedLM."""

from collections import namedtuple

import torch
from torch import nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

Output = namedtuple("Output", "last_hidden_state")


class Embeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.word_embeddings = nn.Embedding(config["vocab_size"], hidden)
        self.position_embeddings = nn.Embedding(config["max_position_embeddings"], hidden)
        self.token_type_embeddings = nn.Embedding(config["type_vocab_size"], hidden)
        self.LayerNorm = nn.LayerNorm(hidden, config["layer_norm_eps"])
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])

    def forward(self, input_ids):
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        types = torch.zeros_like(input_ids)
        embedded = self.word_embeddings(input_ids) + self.token_type_embeddings(types) + self.position_embeddings(positions)
        return self.dropout(self.LayerNorm(embedded))


class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        self.dropout = config["attention_probs_dropout_prob"]
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))

    def forward(self, x):
        query, key, value = (of(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for of in (self.query, self.key, self.value))
        return scaled_dot_product_attention(query, key, value, dropout_p=self.dropout).transpose(1, 2).flatten(2)


class Residual(nn.Module):
    """Dense, dropout, the sum with what went in before, LayerNorm."""

    def __init__(self, config, width):
        super().__init__()
        self.dense = nn.Linear(width, config["hidden_size"])
        self.LayerNorm = nn.LayerNorm(config["hidden_size"], config["layer_norm_eps"])
        self.dropout = nn.Dropout(config["hidden_dropout_prob"])

    def forward(self, x, before):
        return self.LayerNorm(self.dropout(self.dense(x)) + before)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = Residual(config, config["hidden_size"])

    def forward(self, x):
        return self.output(self.self(x), x)


class Dense(nn.Module):
    def __init__(self, config, width):
        super().__init__()
        self.dense = nn.Linear(config["hidden_size"], width)

    def forward(self, x):
        return gelu(self.dense(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Dense(config, config["intermediate_size"])
        self.output = Residual(config, config["intermediate_size"])

    def forward(self, x):
        x = self.attention(x)
        return self.output(self.intermediate(x), x)


class Bert(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))})

    def forward(self, input_ids):
        x = self.embeddings(input_ids)
        for layer in self.encoder["layer"]:
            x = layer(x)
        return Output(x)


class Transform(Dense):
    def __init__(self, config):
        super().__init__(config, config["hidden_size"])
        self.LayerNorm = nn.LayerNorm(config["hidden_size"], config["layer_norm_eps"])

    def forward(self, x):
        return self.LayerNorm(super().forward(x))


class Predictions(nn.Module):
    def __init__(self, config, embeddings):
        super().__init__()
        self.transform = Transform(config)
        self.bias = nn.Parameter(torch.zeros(config["vocab_size"]))
        # In a list, so that the tied weight is not a parameter twice.
        self.tied = [embeddings]

    def forward(self, x):
        return linear(self.transform(x), self.tied[0].weight, self.bias)


class Head(nn.Module):
    def __init__(self, config, embeddings):
        super().__init__()
        self.predictions = Predictions(config, embeddings)

    def forward(self, x):
        return self.predictions(x)


class BertForMaskedLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bert = Bert(config)
        self.cls = Head(config, self.bert.embeddings.word_embeddings)
