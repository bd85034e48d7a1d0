from ._cards import ModelCard as ModelCard
from ._cards import model_card as model_card
from ._cards import model_names as model_names
from ._load import load_pretrained as load_pretrained
