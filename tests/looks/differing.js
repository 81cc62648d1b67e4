// Count the pixels of two pictures that clearly differ; the smoothing of edges may differ a little between layers.
async (pictures) => {
  const read = async (picture) => {
    const image = new Image();
    image.src = `data:image/png;base64,${picture}`;
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height).data;
  };
  const [one, other] = await Promise.all(pictures.map(read));
  let count = 0;
  for (let i = 0; i < one.length; i += 4) if (Math.abs(one[i] - other[i]) > 60) count++;
  return count;
}
