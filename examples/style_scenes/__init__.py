"""The scenes of the style pictures: each builds itself and returns how it wants to be seen.

The mapping holds `exposure` (stops), `look` (a look of AgX) and sometimes `curves`, the lifts and gains of a print.
"""

from .autumn_lake import autumn_lake
from .blue_night import blue_night
from .desert_noon import desert_noon
from .golden_dusk import golden_dusk
from .misty_forest import misty_forest
from .neon_bar import neon_bar

__all__ = ["autumn_lake", "blue_night", "desert_noon", "golden_dusk", "misty_forest", "neon_bar"]
