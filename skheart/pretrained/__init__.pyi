from .cards import ModelCard as ModelCard
from .cards import model_card as model_card
from .cards import model_names as model_names
from .load import load_pretrained as load_pretrained
