"""Tokenizer and text encoder of the miniature: a SentencePiece unigram model and a two-layer UMT5 encoder."""
import json
import os
import string
import tempfile

from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

LENGTH, DIM, VOCABULARY = 24, 64, 128
WRITTEN_LAST = "tokenizer_config.json"  # a folder with it is whole
SPECIAL = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def train_pieces(captions):
    """The SentencePiece model: trained on `captions`; every caption word is one piece, every letter is known."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    with tempfile.TemporaryDirectory() as work:
        corpus = os.path.join(work, "captions.txt")
        with open(corpus, "w") as file:
            file.write("\n".join(captions))
        sentencepiece.SentencePieceTrainer.train(
            input=corpus, model_prefix=os.path.join(work, "spiece"), model_type="unigram", vocab_size=VOCABULARY,
            hard_vocab_limit=False, character_coverage=1.0, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            pad_piece="<pad>", eos_piece="</s>", unk_piece="<unk>", num_threads=1, minloglevel=2,
        )
        pieces = sentencepiece_model_pb2.ModelProto()
        with open(os.path.join(work, "spiece.model"), "rb") as file:
            pieces.ParseFromString(file.read())
    # On so small a corpus the trainer splits some words and leaves out letters that no caption has.
    known = {piece.piece for piece in pieces.pieces}
    words = sorted({"▁" + word.strip(",") for caption in captions for word in caption.split()})
    letters = string.ascii_letters + string.digits + ".,!?'-"
    for piece, score in [(word, -4.0) for word in words] + [(letter, -12.0) for letter in letters]:
        if piece not in known:
            pieces.pieces.add(piece=piece, score=score)
    return pieces


def train_tokenizer(folder, captions):
    """Write spiece.model, an equal tokenizer.json and the configuration files."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    os.makedirs(folder, exist_ok=True)
    pieces = train_pieces(captions)
    with open(os.path.join(folder, "spiece.model"), "wb") as file:
        file.write(pieces.SerializeToString())
    tokenizer = Tokenizer(models.Unigram([(piece.piece, piece.score) for piece in pieces.pieces], unk_id=2))
    charsmap = pieces.normalizer_spec.precompiled_charsmap
    steps = [normalizers.Precompiled(charsmap)] if charsmap else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    settings = {**SPECIAL, "extra_ids": 0, "additional_special_tokens": [], "model_max_length": LENGTH,
                "tokenizer_class": "T5TokenizerFast"}
    for name, content in (("special_tokens_map.json", SPECIAL), (WRITTEN_LAST, settings)):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file, indent=2)


def build_text_encoder(vocabulary):
    """A UMT5 encoder for `vocabulary` pieces with transformers' initial weights."""
    config = UMT5Config(vocab_size=vocabulary, d_model=DIM, d_kv=32, num_heads=2, d_ff=2 * DIM, num_layers=2,
                        dropout_rate=0.0, feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1,
                        decoder_start_token_id=0, tie_word_embeddings=False)
    return UMT5EncoderModel(config)


def load_tokenizer(folder):
    return T5TokenizerFast.from_pretrained(folder)


def tokenize(tokenizer, prompts):
    """ids and mask [B, LENGTH]."""
    out = tokenizer(prompts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    return out.input_ids, out.attention_mask


def encode(encoder, ids, mask):
    """Prompt rows [B, LENGTH, DIM]; rows beyond the prompt are zero, as WanPipeline makes them."""
    rows = encoder(ids, attention_mask=mask).last_hidden_state
    return rows * mask[..., None].to(rows.dtype)
