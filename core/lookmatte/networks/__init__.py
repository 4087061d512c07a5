"""The torch modules: encoder, ST-AdaIN transfer, grid predictor, guide, and the Model of them all.

    from lookmatte.networks.model import Model

    model = Model.load()                                        # the shipped weights
    code = model.encode_style(style, weight)                    # once per style
    grid, used = model.predict(proxy, matte, code)              # once per frame and region
    grid, used = model.predict(proxy, matte, code, used, 0.6)   # the next frame, `coherent`
"""
