// The names are those of resnet.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CResNet
import ResNet
import ResNetData

final class ImageResource: Resource {
  let raster: Raster

  init(_ raster: Raster) { self.raster = raster }
}

extension ResamplingFilter {
  init(_ filter: rn_filter) throws {
    switch filter {
    case RN_BILINEAR: self = .bilinear
    case RN_BICUBIC: self = .bicubic
    default: throw unknown("filter", filter.rawValue, expected: "RN_BILINEAR or RN_BICUBIC")
    }
  }
}

/// The most pixels of a file; 0 stands for the library's own limit.
func pixelLimit(_ given: Int64) -> Int { given == 0 ? Raster.defaultPixelLimit : Int(given) }

@c @implementation
public func rn_image_read(
  _ path: UnsafePointer<CChar>?, _ channels: Int32, _ limit: Int64,
  _ image: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let image = try required(image, "image")
    let raster = try Raster(
      contentsOf: try string(path, "path"), channels: Int(channels), pixelLimit: pixelLimit(limit))
    image.pointee = try makeHandle(ImageResource(raster))
  }
}

@c @implementation
public func rn_image_decode(
  _ bytes: UnsafeRawPointer?, _ count: Int, _ channels: Int32, _ limit: Int64,
  _ image: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let image = try required(image, "image")
    let bytes = try array(
      bytes?.assumingMemoryBound(to: UInt8.self), count: count, "bytes")
    let raster = try Raster(
      decoding: bytes, channels: Int(channels), pixelLimit: pixelLimit(limit))
    image.pointee = try makeHandle(ImageResource(raster))
  }
}

@c @implementation
public func rn_image_create(
  _ pixels: UnsafePointer<UInt8>?, _ height: Int32, _ width: Int32, _ channels: Int32,
  _ image: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  guarded {
    let image = try required(image, "image")
    let (height, width, channels) = (Int(height), Int(width), Int(channels))
    // Before as many pixels are copied.
    try Raster.checkChannels(channels)
    let count = try ImagesView.pixelCount(
      count: 1, channels: channels, height: height, width: width)
    try expectMemory(count, for: "an image of \(height)x\(width)")
    let raster = try Raster(
      pixels: Array(try array(pixels, count: count, "pixels")), height: height, width: width,
      channels: channels)
    image.pointee = try makeHandle(ImageResource(raster))
  }
}

@c @implementation
public func rn_image_free(_ image: OpaquePointer?) -> rn_status {
  guarded(isFreeing: true) { try freeHandle(image, as: ImageResource.self) }
}

@c @implementation
public func rn_image_get_info(
  _ image: OpaquePointer?, _ info: UnsafeMutablePointer<rn_image_info>?
) -> rn_status {
  guarded {
    try using(image) { (resource: ImageResource) in
      let output = try OutputStructure(info, "rn_image_info", start: "RN_IMAGE_INFO_INIT")
      let raster = resource.raster
      output.write(
        rn_image_info(
          size: 0, channels: Int32(clamping: raster.channels),
          height: Int32(clamping: raster.extent.height),
          width: Int32(clamping: raster.extent.width)))
    }
  }
}

@c @implementation
public func rn_image_resize(
  _ image: OpaquePointer?, _ height: Int32, _ width: Int32, _ filter: rn_filter,
  _ resized: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  derive(from: image, resized, "resized") { raster in
    try raster.resized(
      to: Extent(height: Int(height), width: Int(width)), filter: try ResamplingFilter(filter))
  }
}

@c @implementation
public func rn_resize_planes(
  _ pixels: UnsafePointer<Float>?, _ planes: Int32, _ height: Int32, _ width: Int32,
  _ newHeight: Int32, _ newWidth: Int32, _ filter: rn_filter,
  _ resized: UnsafeMutablePointer<Float>?, _ capacity: Int
) -> rn_status {
  guarded {
    let (planes, height, width) = (Int(planes), Int(height), Int(width))
    let size = Extent(height: Int(newHeight), width: Int(newWidth))
    let count = try ImagesView.pixelCount(count: 1, channels: planes, height: height, width: width)
    let needed = try ImagesView.pixelCount(
      count: 1, channels: planes, height: size.height, width: size.width)
    let target = try output(resized, capacity: capacity, needed: needed, "resized")
    try expectMemory(count, of: MemoryLayout<Float>.stride, for: "\(planes) planes")
    let image = try FloatImage(
      pixels: Array(try array(pixels, count: count, "pixels")), channels: planes, height: height,
      width: width)
    let result = try image.resized(to: size, filter: try ResamplingFilter(filter))
    _ = target.update(fromContentsOf: result.pixels)
  }
}

@c @implementation
public func rn_image_crop(
  _ image: OpaquePointer?, _ top: Int32, _ left: Int32, _ height: Int32, _ width: Int32,
  _ part: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  derive(from: image, part, "part") { raster in
    try raster.cropped(
      to: Region(top: Int(top), left: Int(left), height: Int(height), width: Int(width)))
  }
}

@c @implementation
public func rn_image_centre(
  _ image: OpaquePointer?, _ resize: Int32, _ crop: Int32, _ filter: rn_filter,
  _ view: UnsafeMutablePointer<OpaquePointer?>?
) -> rn_status {
  derive(from: image, view, "view") { raster in
    try raster.centre(
      resize: resize == 0 ? nil : Int(resize), crop: Int(crop),
      filter: try ResamplingFilter(filter))
  }
}

/// A new image, made of another.
private func derive(
  from image: OpaquePointer?, _ result: UnsafeMutablePointer<OpaquePointer?>?, _ name: String,
  _ make: (Raster) throws -> Raster
) -> rn_status {
  guarded {
    let result = try required(result, name)
    try using(image) { (resource: ImageResource) in
      result.pointee = try makeHandle(ImageResource(try make(resource.raster)))
    }
  }
}

@c @implementation
public func rn_image_pixels(
  _ image: OpaquePointer?, _ layout: rn_layout, _ pixels: UnsafeMutablePointer<UInt8>?,
  _ capacity: Int
) -> rn_status {
  guarded {
    try using(image) { (resource: ImageResource) in
      let raster = resource.raster
      let pixels = try output(
        pixels, capacity: capacity, needed: raster.pixels.count, "pixels")
      switch layout {
      case RN_INTERLEAVED: _ = pixels.update(fromContentsOf: raster.pixels)
      case RN_PLANAR: raster.copyPlanes(to: pixels)
      default:
        throw unknown("layout", layout.rawValue, expected: "RN_PLANAR or RN_INTERLEAVED")
      }
    }
  }
}
